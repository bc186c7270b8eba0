/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dsa_driver.c - ML-DSA-65 as a program, for checkers that want a process: sanitizers,
 * valgrind, emulators of other machines. One request a line on standard input,
 *
 *     keypair  WORKSPACE SEED
 *     sign     WORKSPACE SEED MESSAGE CONTEXT RANDOM CHECK
 *     verify   WORKSPACE PUBLIC_KEY MESSAGE CONTEXT SIGNATURE
 *
 * numbers in decimal, bytes in hexadecimal, "-" for none; one reply a line: the status,
 * then the output in hexadecimal. Every buffer is an allocation of exactly its size.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../src/common.h"

#ifndef PQC_POISON
#define PQC_POISON(pointer, bytes) ((void)0)
#endif
#ifndef PQC_DECLASSIFY
#define PQC_DECLASSIFY(pointer, bytes) ((void)0)
#endif

#define LINE_MAX_BYTES (1 << 20)
#define WORDS_MAX      7

typedef struct {
    uint8_t *bytes;
    size_t length;
} buffer;

static buffer take(size_t length)
{
    /* malloc() aligns to 16 as long as the size is at least that */
    buffer b = {malloc(length > 0 ? length : 1), length};
    if (b.bytes == NULL) {
        exit(2);
    }
    return b;
}

static buffer from_hex(const char *text)
{
    buffer b = take(text[0] == '-' ? 0 : strlen(text) / 2);
    for (size_t i = 0; i < b.length; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], 0};
        b.bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return b;
}

static void reply(int status, buffer out)
{
    PQC_DECLASSIFY(&status, sizeof status);
    PQC_DECLASSIFY(out.bytes, out.length);
    printf("%d ", status);
    for (size_t i = 0; i < out.length; i++) {
        printf("%02x", out.bytes[i]);
    }
    printf("\n");
    fflush(stdout);
}

static void run_keypair(buffer ws, const buffer *in)
{
    buffer out = take(PQC_DSA_PUBLIC_BYTES);
    PQC_POISON(in[0].bytes, in[0].length);
    reply(pqc_dsa_keypair(out.bytes, in[0].bytes, ws.bytes, ws.length), out);
    free(out.bytes);
}

static void run_sign(buffer ws, const buffer *in, int check)
{
    const pqc_dsa_options options = {NULL, NULL, check};
    buffer out = take(PQC_DSA_SIGNATURE_BYTES);
    PQC_POISON(in[0].bytes, in[0].length);
    PQC_POISON(in[3].bytes, in[3].length);
    reply(pqc_dsa_sign(out.bytes, in[0].bytes, in[1].bytes, in[1].length, in[2].bytes,
                       in[2].length, in[3].bytes, &options, ws.bytes, ws.length),
          out);
    free(out.bytes);
}

static void run_verify(buffer ws, const buffer *in)
{
    buffer none = {NULL, 0};
    reply(pqc_dsa_verify(in[0].bytes, in[1].bytes, in[1].length, in[2].bytes, in[2].length,
                         in[3].bytes, ws.bytes, ws.length),
          none);
}

/* Returns not 0 for a request that makes no sense. */
static int run(char *line)
{
    char *word[WORDS_MAX] = {NULL};
    unsigned words = 0;
    buffer in[WORDS_MAX] = {{NULL, 0}};
    int bad = 0;

    for (char *w = strtok(line, " \n"); w != NULL && words < WORDS_MAX; w = strtok(NULL, " \n")) {
        word[words++] = w;
    }
    if (words < 3) {
        return 1;
    }
    buffer ws = take((size_t)strtoul(word[1], NULL, 10));
    for (unsigned i = 2; i < words; i++) {
        in[i - 2] = from_hex(word[i]);
    }
    if (strcmp(word[0], "keypair") == 0 && words == 3) {
        run_keypair(ws, in);
    } else if (strcmp(word[0], "sign") == 0 && words == 7) {
        run_sign(ws, in, word[6][0] == '1');
    } else if (strcmp(word[0], "verify") == 0 && words == 6) {
        run_verify(ws, in);
    } else {
        bad = 1;
    }
    for (unsigned i = 2; i < words; i++) {
        free(in[i - 2].bytes);
    }
    free(ws.bytes);
    return bad;
}

int main(void)
{
    static char line[LINE_MAX_BYTES];
    int bad = 0;

    while (!bad && fgets(line, sizeof line, stdin) != NULL) {
        bad = run(line);
    }
    return bad;
}
