/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * pqc_native.c - the module `pqc` as a native .mpy: for a board whose firmware one would
 * rather not rebuild. The functions are those of ../bind_micropython/functions.h; here is
 * what a native module has no access to, made from what it has (py/nativeglue.h).
 *
 * One difference remains: Ctrl-C is noticed when a signature is complete, not between two
 * attempts at it, because a native module cannot see that an exception is pending.
 */
#include "py/dynruntime.h"

/* The C library's functions that the crypto and the compiler call. */
void *memcpy(void *to, const void *from, size_t bytes)
{
    return mp_fun_table.memmove_(to, from, bytes);
}

void *memset(void *at, int value, size_t bytes)
{
    return mp_fun_table.memset_(at, value, bytes);
}

/* ------------------- what py/runtime.h has and py/dynruntime.h has not */

typedef struct {
    char text[64]; /* the longest message is shorter; more is cut off */
    size_t bytes;
} message;

static void append(void *data, const char *text, size_t bytes)
{
    message *m = data;
    for (size_t i = 0; i < bytes && m->bytes < sizeof m->text; i++) {
        m->text[m->bytes++] = text[i];
    }
}

__attribute__((noreturn)) static void raise_formatted(const mp_obj_type_t *type,
                                                      const char *format, ...)
{
    message m;
    m.bytes = 0;
    mp_print_t print = {&m, append};
    va_list values;
    va_start(values, format);
    mp_vprintf(&print, format, values);
    va_end(values);
    mp_raise_type_arg(type, mp_obj_new_str(m.text, m.bytes));
}

/* native_from_obj() would cut a large integer to a word, and so make a good length of a bad one. */
static mp_int_t small_integer(mp_obj_t object)
{
    if (!mp_obj_is_small_int(object)) {
        mp_raise_TypeError(MP_ERROR_TEXT("can't convert to a small int"));
    }
    return MP_OBJ_SMALL_INT_VALUE(object);
}

#define mp_raise_msg_varg        raise_formatted
#define mp_handle_pending(raise) ((void)(raise)) /* without a poll nothing ends early */
#undef mp_obj_get_int
#define mp_obj_get_int small_integer

/* The module's only variable. Loading the module makes it NULL, the collector follows it. */
mp_obj_t pqc_native_workspace;

#define PQC_CAN_REGISTER         1
#define PQC_WORKSPACE            pqc_native_workspace
#define PQC_POLL                 NULL
#define PQC_RAISE_POLLED(raised) ((void)(raised))

#include "../bind_micropython/functions.h"

mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args)
{
    MP_DYNRUNTIME_INIT_ENTRY
    mp_store_global(MP_QSTR_WORKSPACE_BYTES, MP_OBJ_NEW_SMALL_INT(PQC_WORKSPACE_BYTES));
    mp_store_global(MP_QSTR_set_workspace, MP_OBJ_FROM_PTR(&pqc_set_workspace_obj));
    mp_store_global(MP_QSTR_kem_keypair, MP_OBJ_FROM_PTR(&pqc_kem_keypair_obj));
    mp_store_global(MP_QSTR_kem_expand, MP_OBJ_FROM_PTR(&pqc_kem_expand_obj));
    mp_store_global(MP_QSTR_kem_encapsulate, MP_OBJ_FROM_PTR(&pqc_kem_encapsulate_obj));
    mp_store_global(MP_QSTR_kem_decapsulate, MP_OBJ_FROM_PTR(&pqc_kem_decapsulate_obj));
    mp_store_global(MP_QSTR_kem_decapsulate_expanded,
                    MP_OBJ_FROM_PTR(&pqc_kem_decapsulate_expanded_obj));
    mp_store_global(MP_QSTR_dsa_keypair, MP_OBJ_FROM_PTR(&pqc_dsa_keypair_obj));
    mp_store_global(MP_QSTR_dsa_sign, MP_OBJ_FROM_PTR(&pqc_dsa_sign_obj));
    mp_store_global(MP_QSTR_dsa_sign_mu, MP_OBJ_FROM_PTR(&pqc_dsa_sign_mu_obj));
    mp_store_global(MP_QSTR_dsa_verify, MP_OBJ_FROM_PTR(&pqc_dsa_verify_obj));
    mp_store_global(MP_QSTR_dsa_verify_mu, MP_OBJ_FROM_PTR(&pqc_dsa_verify_mu_obj));
    mp_store_global(MP_QSTR_sha256, MP_OBJ_FROM_PTR(&pqc_sha256_obj));
    mp_store_global(MP_QSTR_sha3_256, MP_OBJ_FROM_PTR(&pqc_sha3_256_obj));
    mp_store_global(MP_QSTR_shake128, MP_OBJ_FROM_PTR(&pqc_shake128_obj));
    mp_store_global(MP_QSTR_shake256, MP_OBJ_FROM_PTR(&pqc_shake256_obj));
    mp_store_global(MP_QSTR_hmac_sha256, MP_OBJ_FROM_PTR(&pqc_hmac_sha256_obj));
    mp_store_global(MP_QSTR_hkdf_extract, MP_OBJ_FROM_PTR(&pqc_hkdf_extract_obj));
    mp_store_global(MP_QSTR_hkdf_expand, MP_OBJ_FROM_PTR(&pqc_hkdf_expand_obj));
    mp_store_global(MP_QSTR_ccm_seal, MP_OBJ_FROM_PTR(&pqc_ccm_seal_obj));
    mp_store_global(MP_QSTR_ccm_open, MP_OBJ_FROM_PTR(&pqc_ccm_open_obj));
    MP_DYNRUNTIME_INIT_EXIT
}
