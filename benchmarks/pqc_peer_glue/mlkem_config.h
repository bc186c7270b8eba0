/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* mlkem_config.h - mlkem-native as a board would build it: ML-KEM-768, plain C. */
#ifndef PQC_PEERS_MLKEM_CONFIG_H
#define PQC_PEERS_MLKEM_CONFIG_H

#define MLK_CONFIG_PARAMETER_SET         768
#define MLK_CONFIG_NAMESPACE_PREFIX      peer_mlkem
#define MLK_CONFIG_NO_ASM
#define MLK_CONFIG_NO_RANDOMIZED_API
#define MLK_CONFIG_SERIAL_FIPS202_ONLY
#define MLK_CONFIG_FIPS202_CUSTOM_HEADER "mlkem_sponge.h"
#define MLK_CONFIG_CUSTOM_ZEROIZE
#include "../../firmware/c_pqc/include/pqc.h"
static inline void mlk_zeroize(void *secret, size_t bytes)
{
    pqc_wipe(secret, bytes);
}

#endif
