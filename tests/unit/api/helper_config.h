/* SPDX-License-Identifier: MIT */
#ifndef RT_TEST_HELPER_CONFIG_H
#define RT_TEST_HELPER_CONFIG_H

/* A configuration as from a command line, for units that are asked with one. */
#include "config.h"

/** config_load of the options given, which end with NULL. Ends the test if they are refused. */
struct config *configured(const char *first, ...) __attribute__((sentinel));

#endif
