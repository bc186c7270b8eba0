/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * mldsa_config.h - mldsa-native as a board would build it: ML-DSA-65, plain C, no
 * randomness of its own. -DPEER_REDUCE_RAM turns on its mode for little memory.
 */
#ifndef PQC_PEERS_MLDSA_CONFIG_H
#define PQC_PEERS_MLDSA_CONFIG_H

#define MLD_CONFIG_PARAMETER_SET         65
#define MLD_CONFIG_NAMESPACE_PREFIX      peer_mldsa
#define MLD_CONFIG_NO_ASM
#define MLD_CONFIG_NO_RANDOMIZED_API
#define MLD_CONFIG_SERIAL_FIPS202_ONLY
#define MLD_CONFIG_FIPS202_CUSTOM_HEADER "mldsa_sponge.h"
#define MLD_CONFIG_CUSTOM_ZEROIZE
#include "../../firmware/c_pqc/include/pqc.h"
static inline void mld_zeroize(void *secret, size_t bytes)
{
    pqc_wipe(secret, bytes);
}
#ifdef PEER_REDUCE_RAM
#define MLD_CONFIG_REDUCE_RAM
#endif

#endif
