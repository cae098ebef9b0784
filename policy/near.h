/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>

const char *near_word(const char *word, const char *const *words, size_t n_words);
