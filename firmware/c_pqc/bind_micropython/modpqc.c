/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * modpqc.c - the module `pqc` as a part of a firmware. It checks arguments, calls pqc.h and
 * turns error codes into exceptions; all that is in functions.h.
 */
#include "py/objstr.h"
#include "py/runtime.h"

/*
 * A registered workspace lives on a heap that a soft reset throws away, while
 * root pointers survive it. So it is forgotten when the module is first imported
 * after a reset, which takes a port that calls __init__ of built-in modules.
 */
#define PQC_CAN_REGISTER MICROPY_MODULE_BUILTIN_INIT

#if PQC_CAN_REGISTER
MP_REGISTER_ROOT_POINTER(mp_obj_t pqc_workspace);
#define PQC_WORKSPACE MP_STATE_VM(pqc_workspace)
#endif

#if PQC_CAN_REGISTER
MP_REGISTER_ROOT_POINTER(mp_obj_t pqc_poll);
static bool polling; /* inside the owner's function: the workspace holds half a signature */

/* Call what set_poll() was given; what it raises ends the signature and is kept for the end. */
static int poll_owner(mp_obj_t *raised)
{
    nlr_buf_t nlr;

    if (nlr_push(&nlr) != 0) {
        polling = false;
        *raised = MP_OBJ_FROM_PTR(nlr.ret_val);
        return 1;
    }
    polling = true;
    mp_call_function_0(MP_STATE_VM(pqc_poll));
    polling = false;
    nlr_pop();
    return 0;
}

#define PQC_IS_POLLING polling
#endif

/* Between attempts at a signature: has the user pressed Ctrl-C? Then the owner's turn. */
static int between_attempts(void *raised)
{
    if (MP_STATE_THREAD(mp_pending_exception) != MP_OBJ_NULL) {
        return 1;
    }
#if PQC_CAN_REGISTER
    if (MP_STATE_VM(pqc_poll) != MP_OBJ_NULL && !polling) {
        return poll_owner(raised);
    }
#endif
    (void)raised;
    return 0;
}

#define PQC_POLL between_attempts
#define PQC_RAISE_POLLED(raised)   \
    if ((raised) != MP_OBJ_NULL) { \
        nlr_raise(raised);         \
    }

#include "functions.h"

#if PQC_CAN_REGISTER
static mp_obj_t pqc_set_poll(mp_obj_t function)
{
    if (function != mp_const_none && !mp_obj_is_callable(function)) {
        mp_raise_TypeError(MP_ERROR_TEXT("poll: must be callable, or None"));
    }
    MP_STATE_VM(pqc_poll) = function == mp_const_none ? MP_OBJ_NULL : function;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(pqc_set_poll_obj, pqc_set_poll);

extern const mp_obj_module_t pqc_user_cmodule;

/* Called on import while the module is not in sys.modules; puts it there, so once a reset. */
static mp_obj_t pqc___init__(void)
{
    mp_map_t *loaded = &MP_STATE_VM(mp_loaded_modules_dict).map;
    PQC_WORKSPACE = MP_OBJ_NULL;
    MP_STATE_VM(pqc_poll) = MP_OBJ_NULL;
    mp_map_lookup(loaded, MP_OBJ_NEW_QSTR(MP_QSTR_pqc), MP_MAP_LOOKUP_ADD_IF_NOT_FOUND)->value =
        MP_OBJ_FROM_PTR(&pqc_user_cmodule);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(pqc___init___obj, pqc___init__);
#endif

static const mp_rom_map_elem_t pqc_module_globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_pqc)},
    {MP_ROM_QSTR(MP_QSTR_WORKSPACE_BYTES), MP_ROM_INT(PQC_WORKSPACE_BYTES)},
#if PQC_CAN_REGISTER
    {MP_ROM_QSTR(MP_QSTR___init__), MP_ROM_PTR(&pqc___init___obj)},
    {MP_ROM_QSTR(MP_QSTR_set_workspace), MP_ROM_PTR(&pqc_set_workspace_obj)},
    {MP_ROM_QSTR(MP_QSTR_set_poll), MP_ROM_PTR(&pqc_set_poll_obj)},
#endif
    {MP_ROM_QSTR(MP_QSTR_kem_keypair), MP_ROM_PTR(&pqc_kem_keypair_obj)},
    {MP_ROM_QSTR(MP_QSTR_kem_expand), MP_ROM_PTR(&pqc_kem_expand_obj)},
    {MP_ROM_QSTR(MP_QSTR_kem_encapsulate), MP_ROM_PTR(&pqc_kem_encapsulate_obj)},
    {MP_ROM_QSTR(MP_QSTR_kem_decapsulate), MP_ROM_PTR(&pqc_kem_decapsulate_obj)},
    {MP_ROM_QSTR(MP_QSTR_kem_decapsulate_expanded), MP_ROM_PTR(&pqc_kem_decapsulate_expanded_obj)},
    {MP_ROM_QSTR(MP_QSTR_dsa_keypair), MP_ROM_PTR(&pqc_dsa_keypair_obj)},
    {MP_ROM_QSTR(MP_QSTR_dsa_sign), MP_ROM_PTR(&pqc_dsa_sign_obj)},
    {MP_ROM_QSTR(MP_QSTR_dsa_sign_mu), MP_ROM_PTR(&pqc_dsa_sign_mu_obj)},
    {MP_ROM_QSTR(MP_QSTR_dsa_verify), MP_ROM_PTR(&pqc_dsa_verify_obj)},
    {MP_ROM_QSTR(MP_QSTR_dsa_verify_mu), MP_ROM_PTR(&pqc_dsa_verify_mu_obj)},
    {MP_ROM_QSTR(MP_QSTR_sha256), MP_ROM_PTR(&pqc_sha256_obj)},
    {MP_ROM_QSTR(MP_QSTR_sha3_256), MP_ROM_PTR(&pqc_sha3_256_obj)},
    {MP_ROM_QSTR(MP_QSTR_shake128), MP_ROM_PTR(&pqc_shake128_obj)},
    {MP_ROM_QSTR(MP_QSTR_shake256), MP_ROM_PTR(&pqc_shake256_obj)},
    {MP_ROM_QSTR(MP_QSTR_hmac_sha256), MP_ROM_PTR(&pqc_hmac_sha256_obj)},
    {MP_ROM_QSTR(MP_QSTR_hkdf_extract), MP_ROM_PTR(&pqc_hkdf_extract_obj)},
    {MP_ROM_QSTR(MP_QSTR_hkdf_expand), MP_ROM_PTR(&pqc_hkdf_expand_obj)},
    {MP_ROM_QSTR(MP_QSTR_ccm_seal), MP_ROM_PTR(&pqc_ccm_seal_obj)},
    {MP_ROM_QSTR(MP_QSTR_ccm_open), MP_ROM_PTR(&pqc_ccm_open_obj)},
};
static MP_DEFINE_CONST_DICT(pqc_module_globals, pqc_module_globals_table);

const mp_obj_module_t pqc_user_cmodule = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&pqc_module_globals,
};

MP_REGISTER_MODULE(MP_QSTR_pqc, pqc_user_cmodule);
