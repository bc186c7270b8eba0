/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* mldsa_sponge.h - sponge.h under mldsa-native's names. */
#ifndef PQC_PEERS_MLDSA_SPONGE_H
#define PQC_PEERS_MLDSA_SPONGE_H
#define PEER(name) mld_##name
#include "sponge.h"
#undef PEER
#endif
