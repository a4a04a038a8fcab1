/* SPDX-License-Identifier: Apache-2.0 */

/* transcript-acme: archives every conversation, one file of JSON lines each, in a folder.
 *
 * The server's own log is the truth; it hands it over in pieces, in order, and from its last known
 * place again after a crash. So an answer means "on the disk" (fdatasync has returned), and what is
 * there already is not written twice: the end of a file says how far it goes.
 *
 * Writing may block, so it is done in a job: Batch::write() runs on a thread of the host's pool, where
 * nothing may be touched that the loop uses meanwhile; job_done() comes on our loop. One job at a
 * time keeps the order. */

/* The oldest minor of the ABI that is enough: so it also runs on older servers (docs/ABI.md). */
#define BATON_ABI_NEEDED 0u
#include "baton.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

BATON_MODULE_NOTE("transcript-acme", "0.1.0", "transcript", 0);

namespace
{

constexpr size_t NAME_BYTES_MAX = 64, QUEUE_MAX = 64, TAIL_BYTES = 32, PART_BYTES = 4096;

/* A descriptor that closes itself. */
class File
{
      public:
	File(const std::string &path, int flags) noexcept
	    : fd_(open(path.c_str(), flags | O_CLOEXEC, 0600))
	{
	}
	File(const File &) = delete;
	File &operator=(const File &) = delete;
	~File()
	{
		if (fd_ >= 0)
			close(fd_);
	}
	operator int() const noexcept
	{
		return fd_;
	}

      private:
	int fd_;
};

/* errno of what just failed. */
int why() noexcept
{
	return errno ? errno : EIO;
}

/* How far the file has whole lines: behind its last line break. */
off_t whole_lines(int fd) noexcept
{
	char part[PART_BYTES];
	off_t end = lseek(fd, 0, SEEK_END);

	while (end > 0) {
		size_t want = end < static_cast<off_t>(PART_BYTES) ? static_cast<size_t>(end)
								   : PART_BYTES;
		off_t from = end - static_cast<off_t>(want);
		if (pread(fd, part, want, from) != static_cast<ssize_t>(want))
			return -1;
		if (const void *at = memrchr(part, '\n', want))
			return from + (static_cast<const char *>(at) - part) + 1;
		end = from;
	}
	return end;
}

/* The seq that the last line ends with; half a line behind it is cut off. */
int last_seq(int fd, uint64_t &ret) noexcept
{
	char tail[TAIL_BYTES];
	off_t end = whole_lines(fd);
	size_t n = end > static_cast<off_t>(TAIL_BYTES) ? TAIL_BYTES : static_cast<size_t>(end);

	ret = 0;
	if (end < 0 || ftruncate(fd, end) < 0)
		return why();
	if (end == 0)
		return 0;
	if (pread(fd, tail, n, end - static_cast<off_t>(n)) != static_cast<ssize_t>(n))
		return why();
	size_t at = std::string_view(tail, n).rfind(':');
	bool good = at != std::string_view::npos &&
		    std::from_chars(tail + at + 1, tail + n, ret).ec == std::errc();
	return good ? 0 : EBADMSG; /* not our file */
}

int write_all(int fd, std::string_view text) noexcept
{
	while (!text.empty()) {
		ssize_t done = write(fd, text.data(), text.size());
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return why();
		text.remove_prefix(static_cast<size_t>(done));
	}
	return 0;
}

struct Line {
	std::string session, text;
	uint64_t seq;
};

/* One append() on its way to the disk. */
struct Batch {
	baton_call call = 0;
	bool cancelled = false;
	int error = 0;
	std::vector<Line> lines;

	/* [worker] */
	int write(const std::string &dir, bool &unsynced) const
	{
		int failed = mkdir(dir.c_str(), 0700) < 0 && errno != EEXIST ? why() : 0;

		for (size_t at = 0; !failed && at < lines.size();)
			failed = write_session(dir, at, unsynced);
		if (failed || !unsynced)
			return failed;
		/* A new file is there after a power cut only if its folder was synced, too. */
		File folder(dir, O_RDONLY | O_DIRECTORY);
		if (folder < 0 || fsync(folder) < 0)
			return why();
		unsynced = false;
		return 0;
	}

      private:
	/* The lines of one session; `at` is moved behind them. */
	int write_session(const std::string &dir, size_t &at, bool &unsynced) const
	{
		const std::string &session = lines[at].session;
		File file(dir + "/" + session + ".jsonl", O_RDWR | O_CREAT | O_APPEND);
		uint64_t last = 0;
		int failed = file < 0 ? why() : last_seq(file, last);
		unsynced = unsynced || last == 0;

		for (; at < lines.size() && lines[at].session == session; at++)
			if (!failed && lines[at].seq > last)
				failed = write_all(file, lines[at].text);
		if (!failed && fdatasync(file) < 0)
			failed = why();
		return failed;
	}
};

/* Becomes the name of a file. */
bool plain(std::string_view s) noexcept
{
	for (char c : s)
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_'))
			return false;
	return !s.empty() && s.size() <= NAME_BYTES_MAX;
}

Line line_of(const baton_entry &entry)
{
	Line line{ std::string(baton::view(entry.session_id)), "{\"type\":", entry.seq };

	baton::write_text(line.text, baton::view(entry.type));
	line.text.append(",\"data\":").append(baton::view(entry.json));
	line.text.append(",\"unix_ms\":").append(std::to_string(entry.unix_ms));
	line.text.append(",\"seq\":")
		.append(std::to_string(entry.seq)); /* last, where last_seq() looks */
	line.text.append("}\n");
	return line;
}

/* One instance: there is one per event loop, so nothing in here needs a lock. */
class Archive
{
      public:
	Archive(baton::Host host, baton_str config) : host_(host)
	{
		scan from = scan_of(config);

		baton::each_member(from, [&](baton_str key) {
			if (scan_is(key, "dir"))
				dir_ = baton::read_text(from);
			else
				scan_skip(&from);
		});
	}

	/* BATON_PENDING: end() or fail() comes when it is durable, or is not. */
	int32_t append(baton_call call, const baton_entry *entries, uint32_t n)
	{
		Batch batch;

		if (queue_.size() == QUEUE_MAX)
			return BATON_E_AGAIN;
		for (uint32_t i = 0; i < n; i++) {
			std::string_view json = baton::view(entries[i].json);
			if (!plain(baton::view(entries[i].session_id)) || json.empty() ||
			    json.find('\n') != json.npos)
				return BATON_E_INVAL;
			batch.lines.push_back(line_of(entries[i]));
		}
		batch.call = call;
		queue_.push_back(std::move(batch));
		if (!busy_)
			begin();
		return BATON_PENDING;
	}

	/* It is written all the same: to find it there later is no harm, to miss it would be. */
	void cancel(baton_call call) noexcept
	{
		for (Batch &batch : queue_)
			if (batch.call == call && !std::exchange(batch.cancelled, true))
				host_.table->end(host_.ctx, call, BATON_END_STOP);
	}

      private:
	/* [worker] The first batch is the job's while it runs: a deque's elements do not move. */
	static void job_work(void *user) noexcept
	{
		auto *archive = static_cast<Archive *>(user);
		Batch &batch = *archive->job_batch_;

		if (baton::guard([&]() -> int32_t {
			    batch.error = batch.write(archive->dir_, archive->unsynced_);
			    return BATON_OK;
		    }) != BATON_OK)
			batch.error = ENOMEM;
	}

	static void job_done(void *user, int32_t) noexcept
	{
		auto *archive = static_cast<Archive *>(user);

		archive->busy_ = false;
		archive->pop();
		if (!archive->queue_.empty())
			archive->begin();
	}

	void begin() noexcept
	{
		baton_job job;

		job_batch_ = &queue_.front();
		busy_ = host_.table->job(host_.ctx, job_work, job_done, this, &job) == BATON_OK;
		while (!busy_ && !queue_.empty()) { /* no thread for us: nothing was written */
			queue_.front().error = EAGAIN;
			pop();
		}
	}

	void pop() noexcept
	{
		const Batch &batch = queue_.front();
		const char *reason =
			strerrordesc_np(batch.error); /* strerror() is not for threads */
		baton_error error = {};

		error.size = sizeof(error);
		error.fail = BATON_FAIL_UNAVAILABLE;
		error.message = baton::str(reason ? reason : "unknown error");
		if (!batch.cancelled && batch.error)
			host_.table->fail(host_.ctx, batch.call, &error);
		else if (!batch.cancelled)
			host_.table->end(host_.ctx, batch.call, BATON_END_STOP);
		queue_.pop_front();
	}

	baton::Host host_;
	std::string dir_;
	std::deque<Batch> queue_;
	Batch *job_batch_ = nullptr;
	bool busy_ = false;
	bool unsynced_ = true; /* the folder, of a file that is new; the job's while one runs */
};

/* --- what the host calls ------------------------------------------------------------------- */

int32_t append(void *inst, baton_call call, const baton_entry *entries, uint32_t n) noexcept
{
	return baton::guard([&] { return static_cast<Archive *>(inst)->append(call, entries, n); });
}

void cancel(void *inst, baton_call call, uint32_t) noexcept
{
	static_cast<Archive *>(inst)->cancel(call);
}

int32_t load(baton_ctx *, const baton_host *host, void **mod) noexcept
{
	*mod = const_cast<baton_host *>(host); /* shared by all instances, read-only */
	return BATON_OK;
}

int32_t create(void *mod, baton_ctx *ctx, baton_str config, void **inst) noexcept
{
	return baton::guard([&]() -> int32_t {
		*inst = new Archive({ ctx, static_cast<const baton_host *>(mod) }, config);
		return BATON_OK;
	});
}

/* The host calls it when no job runs any more; what still waits was cancelled. */
void destroy(void *inst) noexcept
{
	delete static_cast<Archive *>(inst);
}

constexpr baton_transcript transcript = {
	sizeof(baton_transcript), 0, append, nullptr, nullptr, cancel
};
constexpr baton_iface ifaces[] = { { BATON_TRANSCRIPT, &transcript } };

/* Id, version and flags are those of the note. */
constexpr baton_module module_entry() noexcept
{
	baton_module m = baton::descriptor();

	m.n_ifaces = 1;
	m.id = "transcript-acme";
	m.version = "0.1.0";
	m.license = "Apache-2.0";
	m.summary = "Conversations as JSON lines, a file each";
	m.config_schema = R"({"type":"object","additionalProperties":false,"required":["dir"],
		"properties":{"dir":{"type":"string","minLength":1,"maxLength":500}}})",
	m.ifaces = ifaces;
	m.load = load;
	m.create = create;
	m.destroy = destroy;
	return m;
}

} /* namespace */

/* The one symbol that a module exports: the header has declared it so. */
constexpr baton_module baton_module_entry = module_entry();
