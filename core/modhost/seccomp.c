/* SPDX-License-Identifier: Apache-2.0 */

/* The filter over system calls, written as the kernel's own small machine understands it: what
 * is on the list is allowed, what has no innocent use in a module kills the process, all else
 * is EPERM, so that a library which asks and copes goes on. Files are Landlock's business; but
 * a module without a directory to write to cannot open anything for writing here either, on
 * any kernel. */
#include "core/modhost/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILTER_MAX = 1024, SET_VMA = 0x53564d41, TCGETS_NUMBER = 0x5401 };

#if defined(__x86_64__)
enum { ARCH_KNOWN = 1 };
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
enum { ARCH_KNOWN = 1 };
#define ARCH AUDIT_ARCH_AARCH64
#else
enum { ARCH_KNOWN = 0 };
#define ARCH 0
#endif

/* The main loop's own first. Numbers that a machine does not have are left out. */
static const int allowed[] = {
	SYS_read,
	SYS_write,
	SYS_ppoll,
	SYS_futex,
	SYS_readv,
	SYS_writev,
	SYS_recvmsg,
	SYS_eventfd2,
	SYS_close,
	SYS_close_range,
	SYS_fcntl,
	SYS_lseek,
	SYS_pread64,
	SYS_fstat,
	SYS_newfstatat,
	SYS_statx,
	SYS_faccessat,
	SYS_faccessat2,
	SYS_readlinkat,
	SYS_getdents64,
	SYS_dup,
	SYS_pipe2,
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_fstatfs,
	/* memory */
	SYS_mmap,
	SYS_munmap,
	SYS_mprotect,
	SYS_mremap,
	SYS_madvise,
	SYS_brk,
	SYS_membarrier,
	SYS_mincore,
	SYS_msync,
	/* time */
	SYS_clock_gettime,
	SYS_clock_getres,
	SYS_gettimeofday,
	SYS_nanosleep,
	SYS_clock_nanosleep,
	SYS_getrandom,
	SYS_times,
	/* itself */
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sigaltstack,
	SYS_restart_syscall,
	SYS_exit,
	SYS_exit_group,
	SYS_set_robust_list,
	SYS_set_tid_address,
	SYS_rseq,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_getpid,
	SYS_gettid,
	SYS_getppid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getrlimit,
	SYS_getrusage,
	SYS_uname,
	SYS_sysinfo,
	SYS_getcwd,
	SYS_umask,
	SYS_capget,
#if defined(__x86_64__)
	SYS_poll,
	SYS_stat,
	SYS_lstat,
	SYS_access,
	SYS_readlink,
	SYS_epoll_wait,
	SYS_arch_prctl,
	SYS_time,
	SYS_dup2,
	SYS_pipe,
#endif
};

/* With a directory to write to. */
static const int allowed_to_write[] = {
	SYS_openat,    SYS_pwrite64,        SYS_pwritev,   SYS_preadv, SYS_ftruncate, SYS_truncate,
	SYS_fsync,     SYS_fdatasync,       SYS_fallocate, SYS_flock,  SYS_mkdirat,   SYS_unlinkat,
	SYS_renameat2, SYS_sync_file_range, SYS_fchmod,
#if defined(__x86_64__)
	SYS_open,      SYS_mkdir,           SYS_unlink,    SYS_rmdir,  SYS_rename,    SYS_renameat,
#endif
};

/* No library tries these to see whether they work. */
static const int deadly[] = {
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_setns,
	SYS_unshare,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_kexec_load,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_userfaultfd,
	SYS_io_uring_setup,
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_acct,
	SYS_quotactl,
	SYS_open_by_handle_at,
	SYS_kcmp,
	SYS_personality,
};

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short n;
};

static void add(struct filter *f, unsigned code, uint32_t k, unsigned yes, unsigned no)
{
	if (f->n < FILTER_MAX)
		f->code[f->n++] = (struct sock_filter){
			.code = (uint16_t)code, .jt = (uint8_t)yes, .jf = (uint8_t)no, .k = k
		};
}

static void ret(struct filter *f, uint32_t action)
{
	add(f, BPF_RET | BPF_K, action, 0, 0);
}

static void load(struct filter *f, size_t offset)
{
	add(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void load_number(struct filter *f)
{
	load(f, offsetof(struct seccomp_data, nr));
}

/* The low half of an argument; both machines are little endian. */
static void load_arg(struct filter *f, unsigned i)
{
	load(f, offsetof(struct seccomp_data, args) + i * sizeof(uint64_t));
}

/* "If it is this number, then": skips `n` instructions that the caller adds. */
static void unless(struct filter *f, int number, unsigned n)
{
	add(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, n);
}

static void each(struct filter *f, const int *numbers, size_t n, uint32_t action)
{
	for (size_t i = 0; i < n; i++) {
		unless(f, numbers[i], 1);
		ret(f, action);
	}
}

/* Allowed if an argument is one of these, else `otherwise`. */
static void by_arg(struct filter *f, int number, unsigned arg, const uint32_t *values, size_t n,
		   uint32_t otherwise)
{
	unless(f, number, (unsigned)(2 + 2 * n));
	load_arg(f, arg);
	for (size_t i = 0; i < n; i++) {
		add(f, BPF_JMP | BPF_JEQ | BPF_K, values[i], 0, 1);
		ret(f, SECCOMP_RET_ALLOW);
	}
	ret(f, otherwise);
}

/* Allowed if a pointer is NULL, both halves of it. */
static void by_null(struct filter *f, int number, unsigned arg, uint32_t otherwise)
{
	unless(f, number, 6);
	load_arg(f, arg);
	add(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3);
	load(f, offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t) + sizeof(uint32_t));
	add(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	ret(f, SECCOMP_RET_ALLOW);
	ret(f, otherwise);
}

/* Allowed if none of `bits` is set in an argument (or, `all`: if all are). */
static void by_bits(struct filter *f, int number, unsigned arg, uint32_t bits, bool all,
		    uint32_t otherwise)
{
	unless(f, number, 4);
	load_arg(f, arg);
	add(f, BPF_JMP | BPF_JSET | BPF_K, bits, all ? 0 : 1, all ? 1 : 0);
	ret(f, SECCOMP_RET_ALLOW);
	ret(f, otherwise);
}

#define EACH(f, list, action) each((f), (list), sizeof(list) / sizeof((list)[0]), (action))
#define ERRNO(e) (SECCOMP_RET_ERRNO | (uint32_t)(e))

static void build(struct filter *f, bool may_write_files)
{
	enum { WRITES = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND };
	const uint32_t names[] = { PR_SET_NAME, PR_GET_NAME, SET_VMA };
	const uint32_t harmless[] = { FIONREAD, FIONBIO, TCGETS_NUMBER };
	const uint32_t self[] = { (uint32_t)getpid() };
	load(f, offsetof(struct seccomp_data, arch));
	add(f, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	ret(f, SECCOMP_RET_KILL_PROCESS);
	load_number(f);
	/* The numbers of x32 would be another list. */
	add(f, BPF_JMP | BPF_JGE | BPF_K, 0x40000000u, 0, 1);
	ret(f, SECCOMP_RET_KILL_PROCESS);
	EACH(f, allowed, SECCOMP_RET_ALLOW);
	if (may_write_files) {
		EACH(f, allowed_to_write, SECCOMP_RET_ALLOW);
	} else {
		by_bits(f, SYS_openat, 2, WRITES, false, ERRNO(EACCES));
#if defined(__x86_64__)
		by_bits(f, SYS_open, 1, WRITES, false, ERRNO(EACCES));
#endif
	}
	/* Threads, not processes. clone3 hides its flags in memory: libraries fall back to
	 * clone. */
	by_bits(f, SYS_clone, 0, CLONE_THREAD, true, ERRNO(EPERM));
	unless(f, SYS_clone3, 1);
	ret(f, ERRNO(ENOSYS));
	by_arg(f, SYS_prctl, 0, names, 3, ERRNO(EPERM));
	by_arg(f, SYS_ioctl, 1, harmless, 3, ERRNO(ENOTTY));
	by_null(f, SYS_prlimit64, 2, ERRNO(EPERM));
	by_arg(f, SYS_tgkill, 0, self, 1, ERRNO(EPERM));
	by_arg(f, SYS_kill, 0, self, 1, ERRNO(EPERM));
	EACH(f, deadly, SECCOMP_RET_KILL_PROCESS);
	ret(f, ERRNO(EPERM));
}

int baton_seccomp_enter(bool may_write_files)
{
	struct filter f;
	if (!ARCH_KNOWN)
		return ENOSYS;
	f.n = 0;
	build(&f, may_write_files);
	if (f.n >= FILTER_MAX)
		return E2BIG;
	const struct sock_fprog program = { .len = f.n, .filter = f.code };
	/* All threads; a sanitizer may have one already. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0)
		return 0;
	return errno ? errno : EPERM;
}
