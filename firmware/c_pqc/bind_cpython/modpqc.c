/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * modpqc.c - the CPython module `pqc`: the MicroPython module's twin, for tests.
 *
 * Same names, same arguments, same rules as bind_micropython/modpqc.c; the
 * argument tables are shared. No crypto here.
 */
#include "arguments.h"

#define FUNCTION(name) \
    static PyObject *py_##name(PyObject *module, PyObject *const *objects, Py_ssize_t count)

static PyObject *py_set_workspace(PyObject *module, PyObject *object)
{
    module_state *state = PyModule_GetState(module);
    if (workspace_in_use(state)) {
        return NULL;
    }
    if (object == Py_None) {
        PyBuffer_Release(&state->workspace);
        Py_RETURN_NONE;
    }
    Py_buffer buffer;
    if (PyObject_GetBuffer(object, &buffer, PyBUF_WRITABLE) != 0) {
        return NULL;
    }
    if (buffer.len < PQC_WORKSPACE_BYTES || (uintptr_t)buffer.buf % PQC_WS_ALIGN != 0) {
        if (buffer.len < PQC_WORKSPACE_BYTES) {
            PyErr_Format(PyExc_ValueError, "workspace: must be at least %d bytes",
                         PQC_WORKSPACE_BYTES);
        } else {
            PyErr_SetString(PyExc_ValueError, "workspace: not aligned, use a whole bytearray");
        }
        PyBuffer_Release(&buffer);
        return NULL;
    }
    PyBuffer_Release(&state->workspace);
    state->workspace = buffer;
    Py_RETURN_NONE;
}

static PyObject *py_set_poll(PyObject *module, PyObject *function)
{
    module_state *state = PyModule_GetState(module);
    if (function != Py_None && !PyCallable_Check(function)) {
        PyErr_SetString(PyExc_TypeError, "poll: must be callable, or None");
        return NULL;
    }
    Py_XSETREF(state->poll, function == Py_None ? NULL : Py_NewRef(function));
    Py_RETURN_NONE;
}

/* Between attempts at a signature; an exception of the poll function's ends it. */
static int between_attempts(void *arg)
{
    module_state *state = arg;
    if (state->poll == NULL || state->polling) {
        return 0;
    }
    PyObject *poll = Py_NewRef(state->poll); /* it may put another in its place */
    state->polling = 1;
    PyObject *result = PyObject_CallNoArgs(poll);
    state->polling = 0;
    Py_DECREF(poll);
    Py_XDECREF(result);
    return result == NULL;
}

#define OPTIONS(options) \
    const pqc_dsa_options options = {.poll = between_attempts, .arg = PyModule_GetState(module)};

/* ---------------------------------------------------------------- ML-KEM-768 */

FUNCTION(kem_keypair)
{
    TAKE(v, args_kem_keypair)
    WITH_WORKSPACE(v, PQC_KEM_KEYPAIR_WS_BYTES,
                   pqc_kem_keypair(DATA(v[1]), DATA(v[0]), ws.data, ws.bytes));
}

FUNCTION(kem_expand)
{
    TAKE(v, args_kem_expand)
    WITH_WORKSPACE(v, PQC_KEM_EXPAND_WS_BYTES,
                   pqc_kem_expand(DATA(v[1]), DATA(v[0]), ws.data, ws.bytes));
}

FUNCTION(kem_encapsulate)
{
    TAKE(v, args_kem_encapsulate)
    WITH_WORKSPACE(
        v, PQC_KEM_ENCAPSULATE_WS_BYTES,
        pqc_kem_encapsulate(DATA(v[2]), DATA(v[3]), DATA(v[0]), DATA(v[1]), ws.data, ws.bytes));
}

FUNCTION(kem_decapsulate)
{
    TAKE(v, args_kem_decapsulate)
    WITH_WORKSPACE(v, PQC_KEM_DECAPSULATE_WS_BYTES,
                   pqc_kem_decapsulate(DATA(v[2]), DATA(v[0]), DATA(v[1]), ws.data, ws.bytes));
}

FUNCTION(kem_decapsulate_expanded)
{
    TAKE(v, args_kem_decapsulate_expanded)
    WITH_WORKSPACE(
        v, PQC_KEM_DECAPSULATE_EXPANDED_WS_BYTES,
        pqc_kem_decapsulate_expanded(DATA(v[2]), DATA(v[0]), DATA(v[1]), ws.data, ws.bytes));
}

/* ----------------------------------------------------------------- ML-DSA-65 */

FUNCTION(dsa_keypair)
{
    TAKE(v, args_dsa_keypair)
    WITH_WORKSPACE(v, PQC_DSA_KEYPAIR_WS_BYTES,
                   pqc_dsa_keypair(DATA(v[1]), DATA(v[0]), ws.data, ws.bytes));
}

FUNCTION(dsa_sign)
{
    TAKE(v, args_dsa_sign)
    OPTIONS(options)
    WITH_WORKSPACE(v, PQC_DSA_SIGN_WS_BYTES,
                   pqc_dsa_sign(DATA(v[4]), DATA(v[0]), DATA(v[1]), BYTES(v[1]), DATA(v[2]),
                                BYTES(v[2]), DATA(v[3]), &options, ws.data, ws.bytes));
}

FUNCTION(dsa_sign_mu)
{
    TAKE(v, args_dsa_sign_mu)
    OPTIONS(options)
    WITH_WORKSPACE(v, PQC_DSA_SIGN_WS_BYTES,
                   pqc_dsa_sign_mu(DATA(v[3]), DATA(v[0]), DATA(v[1]), DATA(v[2]), &options,
                                   ws.data, ws.bytes));
}

FUNCTION(dsa_verify)
{
    TAKE(v, args_dsa_verify)
    WITH_WORKSPACE_VERDICT(v, PQC_DSA_VERIFY_WS_BYTES,
                           pqc_dsa_verify(DATA(v[0]), DATA(v[1]), BYTES(v[1]), DATA(v[2]),
                                          BYTES(v[2]), DATA(v[3]), ws.data, ws.bytes));
}

FUNCTION(dsa_verify_mu)
{
    TAKE(v, args_dsa_verify_mu)
    WITH_WORKSPACE_VERDICT(
        v, PQC_DSA_VERIFY_WS_BYTES,
        pqc_dsa_verify_mu(DATA(v[0]), DATA(v[1]), DATA(v[2]), ws.data, ws.bytes));
}

/* ------------------------------------------------------ hashes and derivation */

static PyObject *finish_digest(value *values, Py_ssize_t count, uint8_t digest[32])
{
    release(values, count);
    PyObject *result = PyBytes_FromStringAndSize((const char *)digest, 32);
    pqc_wipe(digest, 32);
    return result;
}

FUNCTION(sha256)
{
    (void)module;
    uint8_t digest[PQC_SHA256_BYTES];
    TAKE(v, args_hash)
    pqc_sha256(digest, DATA(v[0]), BYTES(v[0]));
    return finish_digest(v, COUNT(v), digest);
}

FUNCTION(sha3_256)
{
    (void)module;
    uint8_t digest[PQC_SHA3_256_BYTES];
    TAKE(v, args_hash)
    pqc_sha3_256(digest, DATA(v[0]), BYTES(v[0]));
    return finish_digest(v, COUNT(v), digest);
}

FUNCTION(shake128)
{
    (void)module;
    TAKE(v, args_shake)
    pqc_shake128(DATA(v[1]), BYTES(v[1]), DATA(v[0]), BYTES(v[0]));
    return finish(v, COUNT(v), NULL, PQC_OK);
}

FUNCTION(shake256)
{
    (void)module;
    TAKE(v, args_shake)
    pqc_shake256(DATA(v[1]), BYTES(v[1]), DATA(v[0]), BYTES(v[0]));
    return finish(v, COUNT(v), NULL, PQC_OK);
}

FUNCTION(hmac_sha256)
{
    (void)module;
    uint8_t mac[PQC_SHA256_BYTES];
    TAKE(v, args_hmac)
    pqc_hmac_sha256(mac, DATA(v[0]), BYTES(v[0]), DATA(v[1]), BYTES(v[1]));
    return finish_digest(v, COUNT(v), mac);
}

FUNCTION(hkdf_extract)
{
    (void)module;
    uint8_t prk[PQC_SHA256_BYTES];
    TAKE(v, args_hkdf_extract)
    pqc_hkdf_extract(prk, DATA(v[0]), BYTES(v[0]), DATA(v[1]), BYTES(v[1]));
    return finish_digest(v, COUNT(v), prk);
}

FUNCTION(hkdf_expand)
{
    (void)module;
    TAKE(v, args_hkdf_expand)
    int result = pqc_hkdf_expand(DATA(v[2]), BYTES(v[2]), DATA(v[0]), DATA(v[1]), BYTES(v[1]));
    return finish(v, COUNT(v), NULL, result);
}

/* --------------------------------------------------------------- AES-256-CCM */

/* Whether `out` has the length that text and tag ask for; else an exception is set. */
static int ccm_lengths(const value v[6], int opening)
{
    size_t in = BYTES(v[3]);
    size_t tag = v[4].integer;
    if (tag > PQC_CCM_TAG_MAX || (opening && in < tag)) {
        raise_result(PQC_ERR_BAD_LENGTH);
        return 0;
    }
    size_t wanted = opening ? in - tag : in + tag;
    if (BYTES(v[5]) != wanted) {
        PyErr_Format(PyExc_ValueError, "out: must be %zu bytes", wanted);
        return 0;
    }
    return 1;
}

FUNCTION(ccm_seal)
{
    (void)module;
    TAKE(v, args_ccm_seal)
    if (!ccm_lengths(v, 0)) {
        release(v, COUNT(v));
        return NULL;
    }
    int result = pqc_ccm_seal(DATA(v[5]), DATA(v[0]), DATA(v[1]), DATA(v[2]), BYTES(v[2]),
                              DATA(v[3]), BYTES(v[3]), v[4].integer);
    return finish(v, COUNT(v), NULL, result);
}

FUNCTION(ccm_open)
{
    (void)module;
    TAKE(v, args_ccm_open)
    if (!ccm_lengths(v, 1)) {
        release(v, COUNT(v));
        return NULL;
    }
    int result = pqc_ccm_open(DATA(v[5]), DATA(v[0]), DATA(v[1]), DATA(v[2]), BYTES(v[2]),
                              DATA(v[3]), BYTES(v[3]), v[4].integer);
    return finish_verdict(v, COUNT(v), NULL, result, PQC_ERR_BAD_TAG);
}

/* -------------------------------------------------------------------- module */

/* A METH_FASTCALL entry; the double cast is CPython's documented way to say so. */
#define ENTRY(name, doc)                                                  \
    {                                                                     \
#name, (PyCFunction)(void (*)(void))py_##name, METH_FASTCALL, doc \
    }

static PyMethodDef methods[] = {
    {"set_workspace", py_set_workspace, METH_O, "set_workspace(buffer or None)"},
    {"set_poll", py_set_poll, METH_O, "set_poll(function or None)"},
    ENTRY(kem_keypair, "kem_keypair(seed, ek_out)"),
    ENTRY(kem_expand, "kem_expand(seed, dk_out)"),
    ENTRY(kem_encapsulate, "kem_encapsulate(ek, coins, ct_out, ss_out)"),
    ENTRY(kem_decapsulate, "kem_decapsulate(seed, ct, ss_out)"),
    ENTRY(kem_decapsulate_expanded, "kem_decapsulate_expanded(dk, ct, ss_out)"),
    ENTRY(dsa_keypair, "dsa_keypair(seed, pk_out)"),
    ENTRY(dsa_sign, "dsa_sign(seed, message, context, rnd, sig_out)"),
    ENTRY(dsa_sign_mu, "dsa_sign_mu(seed, mu, rnd, sig_out)"),
    ENTRY(dsa_verify, "dsa_verify(pk, message, context, sig) -> bool"),
    ENTRY(dsa_verify_mu, "dsa_verify_mu(pk, mu, sig) -> bool"),
    ENTRY(sha256, "sha256(data) -> bytes"),
    ENTRY(sha3_256, "sha3_256(data) -> bytes"),
    ENTRY(shake128, "shake128(data, out)"),
    ENTRY(shake256, "shake256(data, out)"),
    ENTRY(hmac_sha256, "hmac_sha256(key, data) -> bytes"),
    ENTRY(hkdf_extract, "hkdf_extract(salt, ikm) -> bytes"),
    ENTRY(hkdf_expand, "hkdf_expand(prk, info, out)"),
    ENTRY(ccm_seal, "ccm_seal(key, nonce, aad, plaintext, tag_bytes, out)"),
    ENTRY(ccm_open, "ccm_open(key, nonce, aad, ciphertext, tag_bytes, out) -> bool"),
    {NULL, NULL, 0, NULL},
};

static int module_exec(PyObject *module)
{
    return PyModule_AddIntConstant(module, "WORKSPACE_BYTES", PQC_WORKSPACE_BYTES);
}

static void module_free(void *module)
{
    module_state *state = PyModule_GetState(module);
    if (state != NULL) {
        PyBuffer_Release(&state->workspace);
        Py_CLEAR(state->poll);
    }
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)(uintptr_t)module_exec}, /* CPython keeps it as a data pointer */
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pqc",
    .m_doc = "ML-KEM-768, ML-DSA-65 and symmetric primitives of firmware/c_pqc, for tests.",
    .m_size = sizeof(module_state),
    .m_methods = methods,
    .m_slots = slots,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit_pqc(void);

PyMODINIT_FUNC PyInit_pqc(void)
{
    return PyModuleDef_Init(&definition);
}
