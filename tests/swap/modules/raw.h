/* SPDX-License-Identifier: Apache-2.0 */

/* System calls without the C library: what a module can do that no list of imports shows. */
#pragma once

#if defined(__x86_64__)
__attribute__((unused)) static long raw_call(long number, long a, long b, long c)
{
	register long d __asm__("r10") = 0;
	long rc;
	__asm__ volatile("syscall"
			 : "=a"(rc)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(d)
			 : "rcx", "r11", "memory");
	return rc;
}
#elif defined(__aarch64__)
__attribute__((unused)) static long raw_call(long number, long a, long b, long c)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = 0;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}
#else
#error "no system calls here"
#endif
