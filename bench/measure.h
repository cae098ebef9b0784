/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What one piece of work costs: the clock, the median, and the loop around the work. */

double measure_now_ns(void);
double measure_median(double *values, unsigned n);
double measure(void (*once)(void), unsigned batch, double budget_ns);
