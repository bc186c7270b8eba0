/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * A stand-in for the RP2040's mask ROM, for the emulator only.
 *
 * The emulator ships no ROM, and the chip's own is not ours to copy. Firmware needs little of
 * it: to be started, bit and memory helpers, soft floating point, flash erase and program.
 * This is that little, written from the RP2040 datasheet (2.7 boot, 2.8 ROM contents) and the
 * Pico SDK's headers. Arithmetic is libgcc's and newlib's, so the last bit of a sine may differ
 * from the chip's.
 *
 * The real ROM drives the flash chip over its serial bus, which the emulator does not model.
 * Here the two flash functions knock at a register block that exists only in our runner
 * (tools/pico/harness.mjs); it applies the operation to the emulated array and to the host
 * file behind it. Nothing else in the image knows that it is not on a chip.
 */

#include <stddef.h>
#include <stdint.h>

/* A hole in the RP2040's APB map (datasheet 2.2.3: nothing between 0x40064000 and TBMAN). */
#define HARNESS ((volatile uint32_t *)0x40068000u)
enum { FLASH_OFFSET, FLASH_LENGTH, FLASH_SOURCE, FLASH_COMMAND, STOP };
enum { COMMAND_ERASE = 1, COMMAND_PROGRAM = 2 };
enum { STOP_BAD_STAGE2 = 1, STOP_FAULT, STOP_USB_BOOT, STOP_NO_FLOAT, STOP_NO_DOUBLE };

#define XIP_BASE 0x10000000u
#define STAGE2_ADDRESS 0x20041f00u /* datasheet 2.8.1: the last 256 bytes of SRAM */
#define STAGE2_BYTES 252u          /* and its checksum in the four bytes after */

/* ---- start ---- */

static _Noreturn void stop(uint32_t reason)
{
    HARNESS[STOP] = reason;
    for (;;)
        __asm__ volatile("wfi");
}

_Noreturn void stub_fault(void)
{
    stop(STOP_FAULT);
}

_Noreturn void stub_missing_float(void)
{
    stop(STOP_NO_FLOAT);
}

_Noreturn void stub_missing_double(void)
{
    stop(STOP_NO_DOUBLE);
}

/* CRC-32, polynomial 0x04c11db7, initially all ones, nothing reflected or inverted
 * (datasheet 2.8.1.3.1). */
static uint32_t stage2_checksum(const uint8_t *bytes)
{
    uint32_t sum = 0xffffffffu;
    for (size_t i = 0; i < STAGE2_BYTES; i++) {
        sum ^= (uint32_t)bytes[i] << 24;
        for (int bit = 0; bit < 8; bit++)
            sum = (sum << 1) ^ (sum >> 31 ? 0x04c11db7u : 0);
    }
    return sum;
}

/* Core 0 of the boot sequence: copy the image's second stage to RAM, check it, run it
 * (datasheet 2.8.1). There is no USB boot to fall back to: a bad image stops the machine. */
_Noreturn void stub_reset(void)
{
    uint32_t *ram = (uint32_t *)STAGE2_ADDRESS;
    const volatile uint32_t *flash = (const volatile uint32_t *)XIP_BASE;
    for (size_t i = 0; i <= STAGE2_BYTES / 4; i++)
        ram[i] = flash[i];
    if (stage2_checksum((const uint8_t *)ram) != ram[STAGE2_BYTES / 4])
        stop(STOP_BAD_STAGE2);
    /* A return address of zero tells stage 2 to enter the vector table that follows it. */
    __asm__ volatile("movs r0, #0\n mov lr, r0\n bx %0" : : "r"(STAGE2_ADDRESS | 1) : "r0");
    __builtin_unreachable();
}

void *rom_table_lookup(const uint16_t *table, uint32_t code)
{
    for (; table[0]; table += 2)
        if (table[0] == (uint16_t)code)
            return (void *)(uintptr_t)table[1];
    return NULL;
}

_Noreturn void rom_reset_usb_boot(uint32_t led_mask, uint32_t disabled_interfaces)
{
    (void)led_mask;
    (void)disabled_interfaces;
    stop(STOP_USB_BOOT);
}

/* ---- bits and memory (datasheet 2.8.3.1.1 and 2.8.3.1.2) ---- */

uint32_t rom_popcount32(uint32_t value)
{
    value -= (value >> 1) & 0x55555555u;
    value = (value & 0x33333333u) + ((value >> 2) & 0x33333333u);
    value = (value + (value >> 4)) & 0x0f0f0f0fu;
    return (value * 0x01010101u) >> 24;
}

uint32_t rom_reverse32(uint32_t value)
{
    value = ((value >> 1) & 0x55555555u) | ((value & 0x55555555u) << 1);
    value = ((value >> 2) & 0x33333333u) | ((value & 0x33333333u) << 2);
    value = ((value >> 4) & 0x0f0f0f0fu) | ((value & 0x0f0f0f0fu) << 4);
    return __builtin_bswap32(value);
}

/* The SDK keeps a return address in r12 across this call: the Makefile fixes that register
 * for this file, so that no spill can use it. */
uint32_t rom_clz32(uint32_t value)
{
    uint32_t zeros = 0;
    if (value == 0)
        return 32;
    for (uint32_t step = 16; step; step >>= 1) {
        if (value >> (32 - step) == 0) {
            value <<= step;
            zeros += step;
        }
    }
    return zeros;
}

uint32_t rom_ctz32(uint32_t value)
{
    return value ? 31 - rom_clz32(value & -value) : 32;
}

void *rom_memset(void *target, int octet, uint32_t count)
{
    uint8_t *at = target;
    uint32_t word = (uint8_t)octet * 0x01010101u;
    while (count && (uintptr_t)at % 4) {
        *at++ = (uint8_t)octet;
        count--;
    }
    for (; count >= 4; count -= 4, at += 4)
        *(uint32_t *)at = word;
    while (count--)
        *at++ = (uint8_t)octet;
    return target;
}

void *rom_memcpy(void *restrict target, const void *restrict source, uint32_t count)
{
    uint8_t *to = target;
    const uint8_t *from = source;
    if (((uintptr_t)to ^ (uintptr_t)from) % 4 == 0) {
        while (count && (uintptr_t)to % 4) {
            *to++ = *from++;
            count--;
        }
        for (; count >= 4; count -= 4, to += 4, from += 4)
            *(uint32_t *)to = *(const uint32_t *)from;
    }
    while (count--)
        *to++ = *from++;
    return target;
}

/* ---- flash (datasheet 2.8.3.1.3) ---- */

void rom_nothing(void)
{
}

void rom_flash_range_erase(uint32_t offset, size_t count, uint32_t block_size, uint8_t block_cmd)
{
    (void)block_size;
    (void)block_cmd;
    HARNESS[FLASH_OFFSET] = offset;
    HARNESS[FLASH_LENGTH] = count;
    HARNESS[FLASH_COMMAND] = COMMAND_ERASE;
}

void rom_flash_range_program(uint32_t offset, const uint8_t *data, size_t count)
{
    HARNESS[FLASH_OFFSET] = offset;
    HARNESS[FLASH_LENGTH] = count;
    HARNESS[FLASH_SOURCE] = (uint32_t)(uintptr_t)data;
    HARNESS[FLASH_COMMAND] = COMMAND_PROGRAM;
}
