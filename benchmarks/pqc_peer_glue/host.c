/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * host.c - one operation per run on this machine, for callgrind: `measured()`
 * is all that is counted. The inputs are those of pqc_cases.py.
 *
 *   host NAME [COUNT]   run operation NAME COUNT times (signatures: COUNT
 * messages); prints the bytes of stack that it took, and nothing more
 *
 * With -DPEERS the operations of mlkem-native and mldsa-native under the same
 * names, "peer" before them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pqc.h"

#define NOINLINE __attribute__((noinline, noclone))
#define STACK_BYTES (256 * 1024)
#define FIRST_SIGNED 137
#define KIB 1024

static _Alignas(64) uint8_t space[PQC_DSA_SIGN_CACHED_WS_BYTES];
static uint8_t seed[64], zeros[64], ek[1184], ct[1088], ss[32], ss2[32],
    dk[2400], pk[1952];
static uint8_t sk[4032], signature[3309], text[KIB], out[KIB + 16];
static char message[64];

#ifdef PEERS
int peer_mldsa_keypair_internal(uint8_t *, uint8_t *, const uint8_t *);
int peer_mldsa_signature_internal(uint8_t *, const uint8_t *, size_t,
                                  const uint8_t *, size_t, const uint8_t *,
                                  const uint8_t *, int);
int peer_mldsa_verify_internal(const uint8_t *, const uint8_t *, size_t,
                               const uint8_t *, size_t, const uint8_t *, int);
int peer_mlkem_keypair_derand(uint8_t *, uint8_t *, const uint8_t *);
int peer_mlkem_enc_derand(uint8_t *, uint8_t *, const uint8_t *,
                          const uint8_t *);
int peer_mlkem_dec(uint8_t *, const uint8_t *, const uint8_t *);

static int kem_keypair(size_t ws) {
  (void)ws;
  return peer_mlkem_keypair_derand(ek, dk, seed);
}

static int kem_encapsulate(size_t ws) {
  (void)ws;
  return peer_mlkem_enc_derand(ct, ss, ek, zeros);
}

static int kem_decapsulate(size_t ws) {
  (void)ws;
  return peer_mlkem_dec(ss2, ct, dk);
}

static int dsa_keypair(size_t ws) {
  (void)ws;
  return peer_mldsa_keypair_internal(pk, sk, seed);
}

static int dsa_sign(size_t ws) {
  (void)ws;
  return peer_mldsa_signature_internal(signature, (uint8_t *)message,
                                       strlen(message), zeros, 2, zeros, sk, 0);
}

static int dsa_verify(size_t ws) {
  (void)ws;
  return peer_mldsa_verify_internal(signature, (uint8_t *)message,
                                    strlen(message), zeros, 2, pk, 0);
}
#else
static int kem_keypair(size_t ws) {
  return pqc_kem_keypair(ek, seed, space, ws);
}

static int kem_encapsulate(size_t ws) {
  return pqc_kem_encapsulate(ct, ss, ek, zeros, space, ws);
}

static int kem_decapsulate(size_t ws) {
  return pqc_kem_decapsulate_expanded(ss2, dk, ct, space, ws);
}

static int dsa_keypair(size_t ws) {
  return pqc_dsa_keypair(pk, seed, space, ws);
}

static int dsa_sign(size_t ws) {
  return pqc_dsa_sign(signature, seed, (uint8_t *)message, strlen(message),
                      NULL, 0, zeros, NULL, space, ws);
}

static int dsa_verify(size_t ws) {
  return pqc_dsa_verify(pk, (uint8_t *)message, strlen(message), NULL, 0,
                        signature, space, ws);
}
#endif

static int sha3_256(size_t ws) {
  (void)ws;
  pqc_sha3_256(out, text, KIB);
  return 0;
}

static int shake128(size_t ws) {
  (void)ws;
  pqc_shake128(out, KIB, text, 32);
  return 0;
}

static int sha_256(size_t ws) {
  (void)ws;
  pqc_sha256(out, text, KIB);
  return 0;
}

static int ccm_seal(size_t ws) {
  (void)ws;
  return pqc_ccm_seal(out, seed, zeros, NULL, 0, text, KIB, 16);
}

static const struct operation {
  const char *name;
  int (*run)(size_t ws);
  size_t ws;
} operations[] = {
    {"kem keypair", kem_keypair, PQC_KEM_KEYPAIR_WS_BYTES},
    {"kem encapsulate", kem_encapsulate, PQC_KEM_ENCAPSULATE_WS_BYTES},
    {"kem decapsulate, key checked", kem_decapsulate,
     PQC_KEM_DECAPSULATE_EXPANDED_WS_BYTES},
    {"dsa keypair", dsa_keypair, PQC_DSA_KEYPAIR_WS_BYTES},
    {"dsa keypair, fast", dsa_keypair, PQC_DSA_KEYPAIR_FAST_WS_BYTES},
    {"dsa sign", dsa_sign, PQC_DSA_SIGN_WS_BYTES},
    {"dsa sign, matrix cached", dsa_sign, PQC_DSA_SIGN_CACHED_WS_BYTES},
    {"dsa verify", dsa_verify, PQC_DSA_VERIFY_WS_BYTES},
    {"dsa verify, fast", dsa_verify, PQC_DSA_VERIFY_FAST_WS_BYTES},
    {"sha3-256, 1 KiB", sha3_256, 0},
    {"shake128, 1 KiB out", shake128, 0},
    {"sha-256, 1 KiB", sha_256, 0},
    {"aes-256-ccm seal, 1 KiB", ccm_seal, 0},
};

/* What callgrind counts. */
NOINLINE int measured(const struct operation *operation);
NOINLINE int measured(const struct operation *operation) {
  return operation->run(operation->ws);
}

static NOINLINE void paint(void) {
  volatile uint8_t area[STACK_BYTES];
  for (size_t i = 0; i < STACK_BYTES; i++) {
    area[i] = 0xA5;
  }
}

static NOINLINE size_t painted_over(void) {
  volatile uint8_t area[STACK_BYTES];
  size_t i = 0;
  __asm__ volatile("" ::"r"(area) : "memory");
  while (i < STACK_BYTES && area[i] == 0xA5) {
    i++;
  }
  return STACK_BYTES - i;
}

static int prepare(void) {
  for (size_t i = 0; i < sizeof seed; i++) {
    seed[i] = (uint8_t)i;
  }
  for (size_t i = 0; i < KIB; i++) {
    text[i] = (uint8_t)i;
  }
#ifndef PEERS
  if (pqc_kem_expand(dk, seed, space, sizeof space) != 0) {
    return 1;
  }
#endif
  (void)snprintf(message, sizeof message, "pqmesh benchmark %d", FIRST_SIGNED);
  return kem_keypair(sizeof space) || kem_encapsulate(sizeof space) ||
         dsa_keypair(sizeof space) || dsa_sign(sizeof space);
}

/* Both sides of the KEM agree, and the last signature is good. */
static int checked(void) {
  return kem_decapsulate(sizeof space) == 0 &&
         memcmp(ss, ss2, sizeof ss) == 0 && dsa_verify(sizeof space) == 0;
}

int main(int argc, char **argv) {
  int count = argc > 2 ? atoi(argv[2]) : 1;
  if (argc < 2 || prepare() != 0) {
    return 2;
  }
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
    if (strcmp(operations[i].name, argv[1]) != 0) {
      continue;
    }
    size_t stack = 0;
    for (int n = 0; n < count; n++) {
      (void)snprintf(message, sizeof message, "pqmesh benchmark %d",
                     FIRST_SIGNED + n);
      if (operations[i].run == dsa_verify && dsa_sign(sizeof space) != 0) {
        return 2;
      }
      paint();
      if (measured(&operations[i]) != 0) {
        return 2;
      }
      size_t taken = painted_over();
      stack = taken > stack ? taken : stack;
    }
    if (!checked()) {
      return 3;
    }
    printf("%zu\n", stack);
    return 0;
  }
  return 4;
}
