/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* mlkem_sponge.h - sponge.h under mlkem-native's names. */
#ifndef PQC_PEERS_MLKEM_SPONGE_H
#define PQC_PEERS_MLKEM_SPONGE_H
#define PEER(name) mlk_##name
#include "sponge.h"
#undef PEER
#endif
