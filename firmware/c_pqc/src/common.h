/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * common.h - what every source file of c_pqc shares: build options, byte order,
 * masks that survive the optimiser, and the cleaning of secrets.
 */
#ifndef PQC_COMMON_H
#define PQC_COMMON_H

#if defined(__GNUC__) && !defined(__clang__)
/*
 * At -O3 the loop vectoriser of GCC 12 makes wrong code of the transforms in
 * ring3329.c in 32-bit builds (12.2, seen for Cortex-M4 under two emulators and
 * for i686; sanitizers find nothing, -O2, -O1 and clang agree with each other).
 * Small cores have no vector unit to lose.
 */
#pragma GCC optimize("no-tree-vectorize")
#ifdef PQC_FAST
/* Quick code in a build that asks for short code: 4 KB more, a seventh to a quarter less time. */
#pragma GCC optimize("O2")
#endif
#if defined(__OPTIMIZE_SIZE__) && !defined(PQC_FAST)
/* What is moved out of a loop is spilled at once: 140 bytes. */
#pragma GCC optimize("no-move-loop-invariants", "no-tree-loop-im")
#endif
#if defined(__thumb__) && !defined(__thumb2__)
/* Eight registers: scheduling before their allocation costs up to a third in the kernels. */
#pragma GCC optimize("no-schedule-insns")
#endif
#endif

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../include/pqc.h"

/*
 * A port may name a header of its own here (-DPQC_CONFIG_FILE='"port.h"') to
 * set any of the options below.
 */
#ifdef PQC_CONFIG_FILE
#include PQC_CONFIG_FILE
#endif

/*
 * Marks a value that was computed from secrets and may be known, such as rho or
 * a verdict. It does something only under the checker that treats secrets as
 * undefined memory, see tests/poison.h.
 */
#ifndef PQC_DECLASSIFY
#define PQC_DECLASSIFY(pointer, bytes) ((void)0)
#endif

/*
 * Short code before quick code: the transforms one layer at a time, loops instead of
 * what they unroll to. Set with -Os, or by a port.
 */
#if defined(__OPTIMIZE_SIZE__) && !defined(PQC_SMALL) && !defined(PQC_FAST)
#define PQC_SMALL
#endif

/*
 * Placed on the few hot functions (Keccak round, transforms). A port whose code
 * runs from slow flash sets it to its "put this into RAM" attribute: IRAM_ATTR
 * on ESP32, __not_in_flash("pqc") on RP2040.
 */
#ifndef PQC_HOT
#define PQC_HOT
#endif

/*
 * Marks what runs a few times in an operation that takes millions of cycles: compiled
 * for size whatever the rest is compiled for.
 */
#if defined(__GNUC__)
#define PQC_COLD __attribute__((cold))
#else
#define PQC_COLD
#endif

#if defined(__GNUC__)
#define PQC_NOINLINE __attribute__((noinline))
#define PQC_INLINE   static inline __attribute__((always_inline))
/* Hides a value from the optimiser, so that it cannot turn a mask into a branch. */
#define PQC_BARRIER32(x) __asm__ volatile("" : "+r"(x))
/* The same without pinning the place: the compiler may move it out of a loop. */
#define PQC_VALUE_BARRIER(x) __asm__("" : "+r"(x))
/* Makes the compiler forget what it has loaded: caps register pressure in Keccak. */
#define PQC_MEMORY_BARRIER() __asm__ volatile("" ::: "memory")
#else
#define PQC_NOINLINE
#define PQC_INLINE           static inline
#define PQC_BARRIER32(x)     ((void)(x))
#define PQC_VALUE_BARRIER(x) ((void)(x))
#define PQC_MEMORY_BARRIER() ((void)0)
#endif

/* Put before a short loop over a local array, so that the array becomes registers. */
#if defined(PQC_SMALL)
#define PQC_UNROLL
#elif defined(__clang__)
#define PQC_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define PQC_UNROLL _Pragma("GCC unroll 8")
#else
#define PQC_UNROLL
#endif

/* Little-endian access to unaligned bytes; a single load or store where the machine allows it. */
PQC_INLINE uint32_t pqc_load32(const uint8_t *p)
{
    return (uint32_t)p[0] | ((uint32_t)p[1] << 8) | ((uint32_t)p[2] << 16) |
           ((uint32_t)p[3] << 24);
}

PQC_INLINE void pqc_store32(uint8_t *p, uint32_t v)
{
#if defined(__ARM_FEATURE_UNALIGNED) && defined(__ARMEL__)
    memcpy(p, &v, 4); /* GCC does not see it in four bytes at -Os */
#else
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
#endif
}

/* Between a word and its little-endian bytes in memory, either way. */
PQC_INLINE uint32_t pqc_le32(uint32_t v)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return v;
#else
    uint8_t bytes[4];
    memcpy(bytes, &v, 4);
    return pqc_load32(bytes);
#endif
}

/* All ones when `x` is not 0, else 0; `x` may be secret. */
PQC_INLINE uint32_t pqc_mask_nonzero(uint32_t x)
{
    uint32_t bit = (x | ((uint32_t)0 - x)) >> 31;
    PQC_BARRIER32(bit); /* a compiler that knows it is 0 or 1 selects between addresses */
    return (uint32_t)0 - bit;
}

/* All ones when `x` is negative, else 0; `x` may be secret. */
PQC_INLINE uint32_t pqc_mask_negative(int32_t x)
{
    uint32_t sign = (uint32_t)x >> 31;
    PQC_BARRIER32(sign);
    return (uint32_t)0 - sign;
}

/* 0 when `ws` can hold `need` bytes of a workspace, else PQC_ERR_WORKSPACE. */
int pqc_check_workspace(const void *ws, size_t ws_bytes, size_t need);

/*
 * Wipes a workspace, and overwrites the dead part of the stack that calls already
 * returned have used: `stack_bytes` of it, times what this compiler's frames are larger
 * than those of GCC for 32-bit cores. Every public function that handles a secret does
 * its work in noinline functions and calls this afterwards, so that spilled registers
 * do not survive. That it is enough is measured (test_target.py).
 */
#if UINTPTR_MAX > 0xffffffffu
#define PQC_BURN_QUARTERS 12
#elif defined(__clang__) && defined(__thumb__) && !defined(__thumb2__)
#define PQC_BURN_QUARTERS 6
#else
#define PQC_BURN_QUARTERS 4
#endif

void pqc_clean_words(void *secret, size_t bytes, unsigned words, unsigned filler);

PQC_INLINE void pqc_clean(void *secret, size_t bytes, unsigned stack_bytes)
{
    /* The fourth argument is for Arm, where a function may save r3 for no more than alignment. */
    pqc_clean_words(secret, bytes, stack_bytes / 16 * PQC_BURN_QUARTERS, 0);
    PQC_MEMORY_BARRIER(); /* no tail call: it would start higher up and end too early */
}

#endif
