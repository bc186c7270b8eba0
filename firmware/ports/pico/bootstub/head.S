/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * What the world can see of the boot stub: the vector table, the magic word, and the tables
 * by which firmware finds ROM functions (RP2040 datasheet, 2.8.2 and 2.8.3).
 *
 *   0x00  initial stack pointer, reset vector, NMI, HardFault
 *   0x10  'M' 'u' 0x01, then the ROM version
 *   0x14  halfword pointer to the function table
 *   0x16  halfword pointer to the data table
 *   0x18  halfword pointer to the lookup routine
 *
 * Table entries are pairs of halfwords, two ASCII characters and an address, closed by 0.
 * An address of a function has its lowest bit set, as every Thumb function pointer.
 */

    .syntax unified
    .cpu cortex-m0plus
    .thumb

    .set ROM_VERSION, 3             @ has double precision and sincos tables
    .set STACK_TOP, 0x20041f00      @ boot stage 2 is copied to just above it

    .macro entry a, b, function
    .byte \a, \b
    .hword \function + 1
    .endm

    .section .stub_head, "a"
    .word STACK_TOP
    .word stub_reset + 1
    .word stub_fault + 1
    .word stub_fault + 1
    .byte 'M', 'u', 0x01, ROM_VERSION
    .hword function_table
    .hword data_table
    .hword rom_table_lookup + 1

    .align 2
function_table:
    entry 'P', '3', rom_popcount32
    entry 'R', '3', rom_reverse32
    entry 'L', '3', rom_clz32
    entry 'T', '3', rom_ctz32
    entry 'M', 'S', rom_memset
    entry 'S', '4', rom_memset
    entry 'M', 'C', rom_memcpy
    entry 'C', '4', rom_memcpy
    entry 'I', 'F', rom_nothing     @ the emulated flash is always connected,
    entry 'E', 'X', rom_nothing     @ always readable
    entry 'F', 'C', rom_nothing     @ and not cached
    entry 'C', 'X', rom_nothing
    entry 'R', 'E', rom_flash_range_erase
    entry 'R', 'P', rom_flash_range_program
    entry 'U', 'B', rom_reset_usb_boot
    .hword 0

data_table:
    .byte 'G', 'R'
    .hword revision
    .byte 'C', 'R'
    .hword notice
    .byte 'S', 'F'
    .hword float_table
    .byte 'S', 'D'
    .hword double_table
    .hword 0

    .align 2
revision:
    .word 0
notice:
    .asciz "pqmesh boot stub: not a Raspberry Pi ROM"

/*
 * Arithmetic, in the order of the datasheet's tables 2.8.3.2 (single) and 2.8.3.3 (double).
 * The word before the table is its length in words. Entries the datasheet calls deprecated,
 * and double-precision functions that no MicroPython build with single-precision floats
 * reaches, stop the machine with a message that names them.
 */
    .macro single function
    .word \function + 1
    .endm

    .align 2
    .byte 0, 0, 32, 0
float_table:
    single __aeabi_fadd
    single rom_fsub
    single __aeabi_fmul
    single __aeabi_fdiv
    single stub_missing_float       @ 0x10, deprecated
    single stub_missing_float       @ 0x14, deprecated
    single __ieee754_sqrtf
    single rom_float2int
    single rom_float2fix
    single rom_float2uint
    single rom_float2ufix
    single __aeabi_i2f
    single rom_fix2float
    single __aeabi_ui2f
    single rom_ufix2float
    single rom_fcos
    single rom_fsincos              @ sine in r0; callers also take the cosine from r1
    single rom_ftan
    single stub_missing_float       @ 0x48, unused for single precision
    single rom_fexp
    single rom_fln
    single rom_fcmp
    single rom_fatan2
    single __aeabi_l2f
    single rom_fix642float
    single __aeabi_ul2f
    single rom_ufix642float
    single rom_float2int64
    single rom_float2fix64
    single rom_float2uint64
    single rom_float2ufix64
    single __aeabi_f2d

    .byte 0, 0, 32, 0
double_table:
    single __aeabi_dadd
    single rom_dsub
    single __aeabi_dmul
    single __aeabi_ddiv
    .rept 3
    single stub_missing_double      @ deprecated twice, square root
    .endr
    single rom_double2int
    single rom_double2fix
    single rom_double2uint
    single rom_double2ufix
    single __aeabi_i2d
    single rom_fix2double
    single __aeabi_ui2d
    single rom_ufix2double
    .rept 6
    single stub_missing_double      @ cos sin tan sincos exp ln
    .endr
    single rom_dcmp
    single stub_missing_double      @ atan2
    single __aeabi_l2d
    single rom_fix642double
    single __aeabi_ul2d
    single rom_ufix642double
    single rom_double2int64
    single rom_double2fix64
    single rom_double2uint64
    single rom_double2ufix64
    single __aeabi_d2f

/*
 * Sine in r0 and cosine in r1: no C signature returns two single-precision values in two
 * registers, so two calls are joined by hand.
 */
    .section .text.rom_fsincos, "ax"
    .thumb_func
    .global rom_fsincos
rom_fsincos:
    push {r0, r4, lr}
    bl rom_fcos
    movs r4, r0
    ldr r0, [sp]
    bl rom_fsin
    movs r1, r4
    pop {r2, r4, pc}
