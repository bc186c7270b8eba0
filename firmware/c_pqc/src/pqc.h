/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pqc.h - for build systems that look for a library's headers in src/ only, as Arduino's does. */
#include "../include/pqc.h"
