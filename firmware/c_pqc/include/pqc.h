/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * pqc.h - the only crypto calls the rest of the firmware may make.
 *
 * ML-KEM-768 (FIPS 203), ML-DSA-65 (FIPS 204), SHA-3 and SHAKE (FIPS 202),
 * SHA-256, HMAC, HKDF, and AES-256-CCM. C11, no other library.
 *
 * Rules that hold for every function here:
 *
 *   - Returns PQC_OK (0) or a negative PQC_ERR_*. The result must be checked.
 *     The hash functions cannot fail and return nothing.
 *   - Outputs come first, inputs after, the workspace last. Sizes are part of
 *     the type; a length argument appears only where the length really varies.
 *   - Nothing is allocated and nothing writable is static: calls are re-entrant
 *     as long as each has its own workspace.
 *   - Large scratch space is the caller's: `ws`, at least PQC_..._WS_BYTES long
 *     and aligned to PQC_WS_ALIGN, contents irrelevant on entry. A workspace
 *     too small or misaligned gives PQC_ERR_WORKSPACE and nothing is computed.
 *     A larger one may be used for speed where a function says so.
 *   - No call needs more than 1 KiB of C stack on a 32-bit core.
 *   - Private keys are seeds; expansion is repeated on every use. (Expanded
 *     ML-KEM keys exist for boards that rather spend 2,400 bytes than time.)
 *   - Randomness is an argument. Nothing here draws any.
 *   - Running time, branches and addresses depend on public values only.
 *     Parameters marked "secret" never reach a branch, an index or a division.
 *   - On return the workspace and the stack below the caller hold no secret.
 *   - On error every output buffer is zeroed. It never holds half a key.
 *   - Pointers must be valid and must not overlap, unless stated. A pointer may
 *     be NULL exactly when its length argument is 0.
 */
#ifndef PQC_H
#define PQC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PQC_MUST_CHECK __attribute__((warn_unused_result))
#else
#define PQC_MUST_CHECK
#endif

enum {
    PQC_OK = 0,
    PQC_ERR_BAD_KEY = -1,       /* FIPS 203 7.2 or 7.3: this is no valid key */
    PQC_ERR_BAD_SIGNATURE = -2, /* not a signature of this message by this key */
    PQC_ERR_BAD_TAG = -3,       /* not sealed with this key, nonce and aad */
    PQC_ERR_BAD_LENGTH = -4,    /* a length is outside what the function states */
    PQC_ERR_WORKSPACE = -5,     /* `ws` is too small, misaligned or NULL */
    PQC_ERR_STOPPED = -6,       /* the caller's poll function asked to stop */
    PQC_ERR_FAULT = -7,         /* a result failed its own check: the machine erred */
};

#define PQC_WS_ALIGN 8

/* ------------------------------------------------------------- ML-KEM-768 */

#define PQC_KEM_SEED_BYTES       64   /* d || z, FIPS 203 algorithm 16 */
#define PQC_KEM_PUBLIC_BYTES     1184 /* FIPS 203 table 3 */
#define PQC_KEM_EXPANDED_BYTES   2400
#define PQC_KEM_CIPHERTEXT_BYTES 1088
#define PQC_KEM_SHARED_BYTES     32
#define PQC_KEM_COINS_BYTES      32

#define PQC_KEM_KEYPAIR_WS_BYTES              2680
#define PQC_KEM_EXPAND_WS_BYTES               2680
#define PQC_KEM_ENCAPSULATE_WS_BYTES          2680
#define PQC_KEM_DECAPSULATE_EXPANDED_WS_BYTES 2680
#define PQC_KEM_DECAPSULATE_WS_BYTES \
    (PQC_KEM_EXPANDED_BYTES + PQC_KEM_DECAPSULATE_EXPANDED_WS_BYTES)

/*
 * Derive the public key of a seed.
 *
 *   public_key  out          send this to whoever shall encapsulate
 *   seed        in, secret   64 random bytes, d || z
 *
 * FIPS 203 algorithm 16, ML-KEM.KeyGen_internal.
 */
PQC_MUST_CHECK
int pqc_kem_keypair(uint8_t public_key[PQC_KEM_PUBLIC_BYTES],
                    const uint8_t seed[PQC_KEM_SEED_BYTES], void *ws, size_t ws_bytes);

/*
 * Derive the expanded decapsulation key (s || ek || H(ek) || z) of a seed.
 *
 *   expanded  out, secret
 *   seed      in, secret
 */
PQC_MUST_CHECK
int pqc_kem_expand(uint8_t expanded[PQC_KEM_EXPANDED_BYTES],
                   const uint8_t seed[PQC_KEM_SEED_BYTES], void *ws, size_t ws_bytes);

/*
 * Agree on a secret with the owner of `public_key`.
 *
 *   ciphertext  out          send this to the owner
 *   shared      out, secret  feed to the key schedule, then pqc_wipe()
 *   public_key  in           may come from the network unchecked
 *   coins       in, secret   32 random bytes, used once
 *
 * FIPS 203 algorithm 17, ML-KEM.Encaps_internal, after the input check of
 * section 7.2. Returns PQC_ERR_BAD_KEY when a coefficient of `public_key` is
 * not reduced modulo 3329.
 */
PQC_MUST_CHECK
int pqc_kem_encapsulate(uint8_t ciphertext[PQC_KEM_CIPHERTEXT_BYTES],
                        uint8_t shared[PQC_KEM_SHARED_BYTES],
                        const uint8_t public_key[PQC_KEM_PUBLIC_BYTES],
                        const uint8_t coins[PQC_KEM_COINS_BYTES], void *ws, size_t ws_bytes);

/*
 * Recover the secret that a peer encapsulated to this seed's public key.
 *
 *   shared      out, secret
 *   seed        in, secret
 *   ciphertext  in           may come from the network unchecked
 *
 * FIPS 203 algorithm 18, ML-KEM.Decaps_internal. A forged ciphertext is not an
 * error: it yields an unrelated secret (implicit rejection), in the same time.
 */
PQC_MUST_CHECK
int pqc_kem_decapsulate(uint8_t shared[PQC_KEM_SHARED_BYTES],
                        const uint8_t seed[PQC_KEM_SEED_BYTES],
                        const uint8_t ciphertext[PQC_KEM_CIPHERTEXT_BYTES], void *ws,
                        size_t ws_bytes);

/*
 * The same with a key that was expanded before: a key generation cheaper.
 * Returns PQC_ERR_BAD_KEY when the hash inside `expanded` does not fit its
 * public key (section 7.3) or a coefficient is not reduced.
 */
PQC_MUST_CHECK
int pqc_kem_decapsulate_expanded(uint8_t shared[PQC_KEM_SHARED_BYTES],
                                 const uint8_t expanded[PQC_KEM_EXPANDED_BYTES],
                                 const uint8_t ciphertext[PQC_KEM_CIPHERTEXT_BYTES], void *ws,
                                 size_t ws_bytes);

/* -------------------------------------------------------------- ML-DSA-65 */

#define PQC_DSA_SEED_BYTES      32   /* xi, FIPS 204 algorithm 6 */
#define PQC_DSA_PUBLIC_BYTES    1952 /* FIPS 204 table 2 */
#define PQC_DSA_SIGNATURE_BYTES 3309
#define PQC_DSA_RANDOM_BYTES    32
#define PQC_DSA_MU_BYTES        64
#define PQC_DSA_CONTEXT_MAX     255

/* The least workspace, and those with which a function is faster (docs/decisions/0005). */
#define PQC_DSA_KEYPAIR_WS_BYTES      3136
#define PQC_DSA_KEYPAIR_FAST_WS_BYTES 6976
#define PQC_DSA_SIGN_WS_BYTES         7040
#define PQC_DSA_SIGN_CACHED_WS_BYTES  32000
#define PQC_DSA_VERIFY_WS_BYTES       3312
#define PQC_DSA_VERIFY_FAST_WS_BYTES  7152

/*
 * What a caller may ask of a signature; NULL means none of it.
 *
 *   poll   called before every attempt, about every 2 to 4 million cycles, so that a
 *          scheduler or a watchdog lives; a result other than 0 stops the call
 *          with PQC_ERR_STOPPED. NULL: never.
 *   arg    handed to poll
 *   check  not 0: verify the signature before it is released, against faults.
 *          A mismatch gives PQC_ERR_FAULT.
 */
typedef struct {
    int (*poll)(void *arg);
    void *arg;
    int check;
} pqc_dsa_options;

/*
 * Derive the public key of a seed.
 *
 *   public_key  out
 *   seed        in, secret   32 random bytes
 *
 * FIPS 204 algorithm 6, ML-DSA.KeyGen_internal.
 */
PQC_MUST_CHECK
int pqc_dsa_keypair(uint8_t public_key[PQC_DSA_PUBLIC_BYTES],
                    const uint8_t seed[PQC_DSA_SEED_BYTES], void *ws, size_t ws_bytes);

/*
 * Sign a message ("pure" ML-DSA-65).
 *
 *   signature  out
 *   seed       in, secret
 *   message    in           may be empty
 *   context    in           0 to 255 bytes, PQC_ERR_BAD_LENGTH beyond
 *   random     in, secret   32 random bytes (hedged), or 32 zero bytes (deterministic)
 *   options    in           see above, may be NULL
 *
 * FIPS 204 algorithm 2, with algorithm 7 inside. The signature's buffer is used as
 * scratch memory before it is filled. With PQC_DSA_SIGN_CACHED_WS_BYTES of workspace
 * a signature takes half the time; the result is the same.
 */
PQC_MUST_CHECK
int pqc_dsa_sign(uint8_t signature[PQC_DSA_SIGNATURE_BYTES],
                 const uint8_t seed[PQC_DSA_SEED_BYTES], const uint8_t *message,
                 size_t message_bytes, const uint8_t *context, size_t context_bytes,
                 const uint8_t random[PQC_DSA_RANDOM_BYTES], const pqc_dsa_options *options,
                 void *ws, size_t ws_bytes);

/* The same for a message representative computed elsewhere ("external mu"). */
PQC_MUST_CHECK
int pqc_dsa_sign_mu(uint8_t signature[PQC_DSA_SIGNATURE_BYTES],
                    const uint8_t seed[PQC_DSA_SEED_BYTES], const uint8_t mu[PQC_DSA_MU_BYTES],
                    const uint8_t random[PQC_DSA_RANDOM_BYTES], const pqc_dsa_options *options,
                    void *ws, size_t ws_bytes);

/*
 * Check a signature. Everything may come from the network unchecked.
 *
 * FIPS 204 algorithm 3, with algorithm 8 inside. Returns PQC_ERR_BAD_SIGNATURE
 * for any signature that is malformed or not of this key, message and context.
 */
PQC_MUST_CHECK
int pqc_dsa_verify(const uint8_t public_key[PQC_DSA_PUBLIC_BYTES], const uint8_t *message,
                   size_t message_bytes, const uint8_t *context, size_t context_bytes,
                   const uint8_t signature[PQC_DSA_SIGNATURE_BYTES], void *ws, size_t ws_bytes);

/* The same for a message representative computed elsewhere. */
PQC_MUST_CHECK
int pqc_dsa_verify_mu(const uint8_t public_key[PQC_DSA_PUBLIC_BYTES],
                      const uint8_t mu[PQC_DSA_MU_BYTES],
                      const uint8_t signature[PQC_DSA_SIGNATURE_BYTES], void *ws, size_t ws_bytes);

/* --------------------------------------------------- hashes and derivation */

#define PQC_SHA256_BYTES    32
#define PQC_SHA3_256_BYTES  32
#define PQC_HKDF_EXPAND_MAX (255 * PQC_SHA256_BYTES)

/* SHA-256, FIPS 180-4. Data may be secret; its length is not. */
void pqc_sha256(uint8_t digest[PQC_SHA256_BYTES], const uint8_t *data, size_t data_bytes);

/* SHA3-256, SHAKE128 and SHAKE256, FIPS 202. */
void pqc_sha3_256(uint8_t digest[PQC_SHA3_256_BYTES], const uint8_t *data, size_t data_bytes);
void pqc_shake128(uint8_t *out, size_t out_bytes, const uint8_t *data, size_t data_bytes);
void pqc_shake256(uint8_t *out, size_t out_bytes, const uint8_t *data, size_t data_bytes);

/* HMAC-SHA-256, FIPS 198-1. Keys of any length. `mac` may overlap the inputs. */
void pqc_hmac_sha256(uint8_t mac[PQC_SHA256_BYTES], const uint8_t *key, size_t key_bytes,
                     const uint8_t *data, size_t data_bytes);

/* HKDF-Extract with SHA-256, RFC 5869 section 2.2. An empty salt means 32 zero bytes. */
void pqc_hkdf_extract(uint8_t prk[PQC_SHA256_BYTES], const uint8_t *salt, size_t salt_bytes,
                      const uint8_t *ikm, size_t ikm_bytes);

/*
 * HKDF-Expand with SHA-256, RFC 5869 section 2.3.
 * Returns PQC_ERR_BAD_LENGTH when `out_bytes` exceeds PQC_HKDF_EXPAND_MAX.
 */
PQC_MUST_CHECK
int pqc_hkdf_expand(uint8_t *out, size_t out_bytes, const uint8_t prk[PQC_SHA256_BYTES],
                    const uint8_t *info, size_t info_bytes);

/* ------------------------------------------------------------ AES-256-CCM */

#define PQC_CCM_KEY_BYTES   32
#define PQC_CCM_NONCE_BYTES 13
#define PQC_CCM_TAG_MIN     4
#define PQC_CCM_TAG_MAX     16
#define PQC_CCM_TEXT_MAX    65535 /* q = 2 */
#define PQC_CCM_AAD_MAX     65279 /* the two-byte length form of SP 800-38C A.2.2 */

/*
 * Encrypt and authenticate, NIST SP 800-38C with a 13-byte nonce.
 *
 *   sealed     out          text_bytes + tag_bytes; `sealed` may equal `text`
 *   key        in, secret
 *   nonce      in           never twice under one key
 *   aad        in           authenticated, not encrypted
 *   text       in, secret
 *   tag_bytes               4, 6, 8, 10, 12, 14 or 16
 *
 * Returns PQC_ERR_BAD_LENGTH for another tag size, a text over PQC_CCM_TEXT_MAX
 * or aad over PQC_CCM_AAD_MAX; then the first text_bytes of `sealed` are zeroed.
 */
PQC_MUST_CHECK
int pqc_ccm_seal(uint8_t *sealed, const uint8_t key[PQC_CCM_KEY_BYTES],
                 const uint8_t nonce[PQC_CCM_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
                 const uint8_t *text, size_t text_bytes, size_t tag_bytes);

/*
 * Check and decrypt what pqc_ccm_seal() made.
 *
 *   text          out, secret  text_bytes = sealed_bytes - tag_bytes; may equal `sealed`
 *   sealed        in           may come from the network unchecked
 *
 * Returns PQC_ERR_BAD_TAG (and a zeroed `text`) when anything differs, and
 * PQC_ERR_BAD_LENGTH also when `sealed` is shorter than the tag.
 */
PQC_MUST_CHECK
int pqc_ccm_open(uint8_t *text, const uint8_t key[PQC_CCM_KEY_BYTES],
                 const uint8_t nonce[PQC_CCM_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes,
                 const uint8_t *sealed, size_t sealed_bytes, size_t tag_bytes);

/* ---------------------------------------------------------------- helpers */

/* Overwrite `bytes` bytes at `secret` in a way the compiler may not remove. */
void pqc_wipe(void *secret, size_t bytes);

/* Compare in time that depends on `bytes` only. Returns 0 when equal, else -1. */
PQC_MUST_CHECK
int pqc_differ(const void *a, const void *b, size_t bytes);

/* A workspace of this size serves every function above in its smallest mode. */
#define PQC_WORKSPACE_BYTES PQC_DSA_SIGN_WS_BYTES

#ifdef __cplusplus
}
#endif

#endif
