/* SPDX-License-Identifier: Apache-2.0 */

/* A seccomp filter that says EPERM to a few system calls and lets all others through. clone3()
 * cannot be looked into by a filter, so it does not exist here; the C library then uses clone(). */
#include "core/modhost/shut.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0
#endif

static const int shut[] = {
	SYS_socket, SYS_connect, SYS_bind, SYS_execve, SYS_execveat, SYS_ptrace,
#if defined(__x86_64__)
	SYS_fork,   SYS_vfork,
#endif
};

enum { SHUT_N = sizeof(shut) / sizeof(shut[0]), CODE_MAX = 16 + 2 * SHUT_N };

static struct sock_filter step(unsigned code, uint32_t k, unsigned yes, unsigned no)
{
	return (struct sock_filter){
		.code = (uint16_t)code, .jt = (uint8_t)yes, .jf = (uint8_t)no, .k = k
	};
}

bool shut_door(void)
{
	enum {
		LOAD = BPF_LD | BPF_W | BPF_ABS,
		IS = BPF_JMP | BPF_JEQ | BPF_K,
		RET = BPF_RET | BPF_K
	};
	const uint32_t no = SECCOMP_RET_ERRNO | EPERM, none = SECCOMP_RET_ERRNO | ENOSYS;
	struct sock_filter code[CODE_MAX];
	unsigned short n = 0;
	if (ARCH == 0)
		return false;
	code[n++] = step(LOAD, offsetof(struct seccomp_data, arch), 0, 0);
	code[n++] = step(IS, ARCH, 1, 0);
	code[n++] = step(RET, no, 0, 0);
	code[n++] = step(LOAD, offsetof(struct seccomp_data, nr), 0, 0);
	for (unsigned i = 0; i < SHUT_N; i++) {
		code[n++] = step(IS, (uint32_t)shut[i], 0, 1);
		code[n++] = step(RET, no, 0, 0);
	}
	code[n++] = step(IS, SYS_clone3, 0, 1);
	code[n++] = step(RET, none, 0, 0);
	code[n++] = step(IS, SYS_clone, 1, 0);
	code[n++] = step(RET, SECCOMP_RET_ALLOW, 0, 0);
	/* A thread is fine: the flags stand in the low half of the first argument. */
	code[n++] = step(LOAD, offsetof(struct seccomp_data, args), 0, 0);
	code[n++] = step(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0);
	code[n++] = step(RET, no, 0, 0);
	code[n++] = step(RET, SECCOMP_RET_ALLOW, 0, 0);
	struct sock_fprog program = { .len = n, .filter = code };
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}
