/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * functions.h - the functions of the module `pqc`, for the two files that make a module
 * of them: modpqc.c (built into a firmware) and ../natmod/pqc_native.c (a native .mpy).
 * They include the runtime that they are for first, and define
 *
 *   PQC_CAN_REGISTER  whether there is set_workspace()
 *   PQC_WORKSPACE     then: the mp_obj_t that it keeps, MP_OBJ_NULL for none
 *   PQC_POLL          what a signature asks between two attempts, or NULL; its argument is an
 *                     mp_obj_t *, for an exception
 *   PQC_RAISE_POLLED  raises that exception, unless it is MP_OBJ_NULL
 *   PQC_IS_POLLING    (optional) whether a signature waits for PQC_POLL to return
 *
 * Outputs are written into the caller's buffers, so large keys and signatures are never
 * copied. Scratch memory comes from the GC heap for the length of a call. A board whose
 * heap may be too fragmented for one block hands in a buffer once, with
 * set_workspace(). The crypto wipes what it used of it before it returns.
 */
#ifndef PQC_MICROPYTHON_FUNCTIONS_H
#define PQC_MICROPYTHON_FUNCTIONS_H

#include "arguments.h"

#if PQC_CAN_REGISTER
/* A poll function may neither use nor change the workspace of the signature that it is part of. */
static void workspace_must_be_free(void)
{
#ifdef PQC_IS_POLLING
    if (PQC_IS_POLLING) {
        mp_raise_msg(&mp_type_RuntimeError,
                     MP_ERROR_TEXT("called by its own poll: the workspace is in use"));
    }
#endif
}
#endif

/* Scratch memory for one call: the registered buffer, or a fresh block. */
typedef struct {
    void *data;
    size_t bytes;
    bool allocated;
} workspace;

static workspace workspace_take(size_t bytes)
{
    workspace ws;
#if PQC_CAN_REGISTER
    mp_obj_t registered = PQC_WORKSPACE;
    if (registered != MP_OBJ_NULL) {
        workspace_must_be_free();
        /* Looked up again on every call: a bytearray may have moved or shrunk. */
        mp_buffer_info_t buffer;
        mp_get_buffer_raise(registered, &buffer, MP_BUFFER_WRITE);
        if (buffer.len < bytes) {
            mp_raise_ValueError(MP_ERROR_TEXT("workspace has shrunk"));
        }
        ws.data = buffer.buf;
        ws.bytes = buffer.len;
        ws.allocated = false;
        return ws;
    }
#endif
    ws.data = m_new(uint8_t, bytes);
    ws.bytes = bytes;
    ws.allocated = true;
    return ws;
}

static void workspace_give_back(workspace ws)
{
    if (ws.allocated) {
        m_del(uint8_t, ws.data, ws.bytes);
    }
}

static mp_obj_t workspace_done(workspace ws, int result)
{
    workspace_give_back(ws);
    raise_result(result);
    return mp_const_none;
}

#if PQC_CAN_REGISTER
static mp_obj_t pqc_set_workspace(mp_obj_t object)
{
    workspace_must_be_free();
    if (object == mp_const_none) {
        PQC_WORKSPACE = MP_OBJ_NULL;
        return mp_const_none;
    }
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(object, &buffer, MP_BUFFER_WRITE);
    if (buffer.len < PQC_WORKSPACE_BYTES) {
        mp_raise_msg_varg(&mp_type_ValueError,
                          MP_ERROR_TEXT("workspace: must be at least %u bytes"),
                          (unsigned)PQC_WORKSPACE_BYTES);
    }
    if ((uintptr_t)buffer.buf % PQC_WS_ALIGN != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("workspace: not aligned, use a whole bytearray"));
    }
    PQC_WORKSPACE = object;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(pqc_set_workspace_obj, pqc_set_workspace);
#endif

/* ------------------------------------------------------------- ML-KEM-768 */

static mp_obj_t pqc_py_kem_keypair(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_kem_keypair, objects);
    workspace ws = workspace_take(PQC_KEM_KEYPAIR_WS_BYTES);
    return workspace_done(ws, pqc_kem_keypair(v[1].data, v[0].data, ws.data, ws.bytes));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_kem_keypair_obj, 2, 2, pqc_py_kem_keypair);

static mp_obj_t pqc_py_kem_expand(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_kem_expand, objects);
    workspace ws = workspace_take(PQC_KEM_EXPAND_WS_BYTES);
    return workspace_done(ws, pqc_kem_expand(v[1].data, v[0].data, ws.data, ws.bytes));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_kem_expand_obj, 2, 2, pqc_py_kem_expand);

static mp_obj_t pqc_py_kem_encapsulate(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_kem_encapsulate, objects);
    workspace ws = workspace_take(PQC_KEM_ENCAPSULATE_WS_BYTES);
    return workspace_done(
        ws, pqc_kem_encapsulate(v[2].data, v[3].data, v[0].data, v[1].data, ws.data, ws.bytes));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_kem_encapsulate_obj, 4, 4, pqc_py_kem_encapsulate);

static mp_obj_t pqc_py_kem_decapsulate(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_kem_decapsulate, objects);
    workspace ws = workspace_take(PQC_KEM_DECAPSULATE_WS_BYTES);
    return workspace_done(ws,
                          pqc_kem_decapsulate(v[2].data, v[0].data, v[1].data, ws.data, ws.bytes));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_kem_decapsulate_obj, 3, 3, pqc_py_kem_decapsulate);

static mp_obj_t pqc_py_kem_decapsulate_expanded(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_kem_decapsulate_expanded, objects);
    workspace ws = workspace_take(PQC_KEM_DECAPSULATE_EXPANDED_WS_BYTES);
    return workspace_done(
        ws, pqc_kem_decapsulate_expanded(v[2].data, v[0].data, v[1].data, ws.data, ws.bytes));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_kem_decapsulate_expanded_obj, 3, 3,
                                           pqc_py_kem_decapsulate_expanded);

/* -------------------------------------------------------------- ML-DSA-65 */

/* A signature that the poll function has ended raises what that function did. */
static mp_obj_t signed_or_polled(workspace ws, int result, mp_obj_t raised)
{
    workspace_give_back(ws);
    PQC_RAISE_POLLED(raised);
    raise_result(result);
    return mp_const_none;
}

static mp_obj_t pqc_py_dsa_keypair(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_dsa_keypair, objects);
    workspace ws = workspace_take(PQC_DSA_KEYPAIR_WS_BYTES);
    return workspace_done(ws, pqc_dsa_keypair(v[1].data, v[0].data, ws.data, ws.bytes));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_dsa_keypair_obj, 2, 2, pqc_py_dsa_keypair);

static mp_obj_t pqc_py_dsa_sign(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_dsa_sign, objects);
    mp_obj_t raised = MP_OBJ_NULL;
    const pqc_dsa_options options = {.poll = PQC_POLL, .arg = &raised};
    workspace ws = workspace_take(PQC_DSA_SIGN_WS_BYTES);
    int result = pqc_dsa_sign(v[4].data, v[0].data, v[1].data, v[1].bytes, v[2].data, v[2].bytes,
                              v[3].data, &options, ws.data, ws.bytes);
    return signed_or_polled(ws, result, raised);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_dsa_sign_obj, 5, 5, pqc_py_dsa_sign);

static mp_obj_t pqc_py_dsa_sign_mu(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_dsa_sign_mu, objects);
    mp_obj_t raised = MP_OBJ_NULL;
    const pqc_dsa_options options = {.poll = PQC_POLL, .arg = &raised};
    workspace ws = workspace_take(PQC_DSA_SIGN_WS_BYTES);
    int result =
        pqc_dsa_sign_mu(v[3].data, v[0].data, v[1].data, v[2].data, &options, ws.data, ws.bytes);
    return signed_or_polled(ws, result, raised);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_dsa_sign_mu_obj, 4, 4, pqc_py_dsa_sign_mu);

/* True or False; anything else than a verdict raises. */
static mp_obj_t verdict(workspace ws, int result)
{
    (void)workspace_done(ws, result == PQC_ERR_BAD_SIGNATURE ? PQC_OK : result);
    return mp_obj_new_bool(result == PQC_OK);
}

static mp_obj_t pqc_py_dsa_verify(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_dsa_verify, objects);
    workspace ws = workspace_take(PQC_DSA_VERIFY_WS_BYTES);
    return verdict(ws, pqc_dsa_verify(v[0].data, v[1].data, v[1].bytes, v[2].data, v[2].bytes,
                                      v[3].data, ws.data, ws.bytes));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_dsa_verify_obj, 4, 4, pqc_py_dsa_verify);

static mp_obj_t pqc_py_dsa_verify_mu(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_dsa_verify_mu, objects);
    workspace ws = workspace_take(PQC_DSA_VERIFY_WS_BYTES);
    return verdict(ws, pqc_dsa_verify_mu(v[0].data, v[1].data, v[2].data, ws.data, ws.bytes));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_dsa_verify_mu_obj, 3, 3, pqc_py_dsa_verify_mu);

/* --------------------------------------------------- hashes and derivation */

static mp_obj_t new_digest(const uint8_t digest[32])
{
    return mp_obj_new_bytes(digest, 32);
}

static mp_obj_t pqc_py_sha256(mp_obj_t object)
{
    uint8_t digest[PQC_SHA256_BYTES];
    TAKE(v, args_hash, &object);
    pqc_sha256(digest, v[0].data, v[0].bytes);
    return new_digest(digest);
}
static MP_DEFINE_CONST_FUN_OBJ_1(pqc_sha256_obj, pqc_py_sha256);

static mp_obj_t pqc_py_sha3_256(mp_obj_t object)
{
    uint8_t digest[PQC_SHA3_256_BYTES];
    TAKE(v, args_hash, &object);
    pqc_sha3_256(digest, v[0].data, v[0].bytes);
    return new_digest(digest);
}
static MP_DEFINE_CONST_FUN_OBJ_1(pqc_sha3_256_obj, pqc_py_sha3_256);

static mp_obj_t pqc_py_shake128(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_shake, objects);
    pqc_shake128(v[1].data, v[1].bytes, v[0].data, v[0].bytes);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_shake128_obj, 2, 2, pqc_py_shake128);

static mp_obj_t pqc_py_shake256(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_shake, objects);
    pqc_shake256(v[1].data, v[1].bytes, v[0].data, v[0].bytes);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_shake256_obj, 2, 2, pqc_py_shake256);

static mp_obj_t pqc_py_hmac_sha256(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    uint8_t mac[PQC_SHA256_BYTES];
    TAKE(v, args_hmac, objects);
    pqc_hmac_sha256(mac, v[0].data, v[0].bytes, v[1].data, v[1].bytes);
    return new_digest(mac);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_hmac_sha256_obj, 2, 2, pqc_py_hmac_sha256);

static mp_obj_t pqc_py_hkdf_extract(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    uint8_t prk[PQC_SHA256_BYTES];
    TAKE(v, args_hkdf_extract, objects);
    pqc_hkdf_extract(prk, v[0].data, v[0].bytes, v[1].data, v[1].bytes);
    mp_obj_t result = new_digest(prk);
    pqc_wipe(prk, sizeof prk);
    return result;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_hkdf_extract_obj, 2, 2, pqc_py_hkdf_extract);

static mp_obj_t pqc_py_hkdf_expand(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_hkdf_expand, objects);
    raise_result(pqc_hkdf_expand(v[2].data, v[2].bytes, v[0].data, v[1].data, v[1].bytes));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_hkdf_expand_obj, 3, 3, pqc_py_hkdf_expand);

/* ------------------------------------------------------------ AES-256-CCM */

static mp_obj_t pqc_py_ccm_seal(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_ccm_seal, objects);
    size_t tag_bytes = v[4].integer;
    if (tag_bytes > PQC_CCM_TAG_MAX) {
        raise_result(PQC_ERR_BAD_LENGTH);
    }
    if (v[5].bytes != v[3].bytes + tag_bytes) {
        raise_length(args_ccm_seal[5].name, v[3].bytes + tag_bytes);
    }
    raise_result(pqc_ccm_seal(v[5].data, v[0].data, v[1].data, v[2].data, v[2].bytes, v[3].data,
                              v[3].bytes, tag_bytes));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_ccm_seal_obj, 6, 6, pqc_py_ccm_seal);

static mp_obj_t pqc_py_ccm_open(size_t n_args, const mp_obj_t *objects)
{
    (void)n_args;
    TAKE(v, args_ccm_open, objects);
    size_t tag_bytes = v[4].integer;
    if (tag_bytes > PQC_CCM_TAG_MAX || v[3].bytes < tag_bytes) {
        raise_result(PQC_ERR_BAD_LENGTH);
    }
    if (v[5].bytes != v[3].bytes - tag_bytes) {
        raise_length(args_ccm_open[5].name, v[3].bytes - tag_bytes);
    }
    int result = pqc_ccm_open(v[5].data, v[0].data, v[1].data, v[2].data, v[2].bytes, v[3].data,
                              v[3].bytes, tag_bytes);
    raise_result(result == PQC_ERR_BAD_TAG ? PQC_OK : result);
    return mp_obj_new_bool(result == PQC_OK);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pqc_ccm_open_obj, 6, 6, pqc_py_ccm_open);

#endif
