// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/capture/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "user/base/fd.h"
#include "user/net/capture/pipe_source.h"

namespace flowstamp::net {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{128} << 10;
constexpr unsigned kInflateBytes = 128U << 10;

struct CloseGz {
    void operator()(gzFile_s* file) const { ::gzclose_r(file); }
};

/// Reads a file through zlib, which passes uncompressed data through unchanged.
class GzSource final : public ByteSource {
  public:
    GzSource(std::unique_ptr<gzFile_s, CloseGz> file, std::string title, std::int64_t bytes)
        : file_(std::move(file)), title_(std::move(title)), bytes_(bytes) {}

    Result<std::size_t> read(std::span<std::uint8_t> to) override {
        const auto wanted = static_cast<unsigned>(std::min<std::size_t>(to.size(), 1U << 30));
        const int got = ::gzread(file_.get(), to.data(), wanted);
        int error = Z_OK;
        const char* message = ::gzerror(file_.get(), &error);
        if (got > 0 || (got == 0 && error == Z_OK)) {
            return static_cast<std::size_t>(got);
        }
        if (error == Z_ERRNO) {
            return fail_errno("read", title_, errno);
        }
        if (error == Z_BUF_ERROR) {
            return fail({.operation = "read",
                         .object = title_,
                         .reason = "the compressed file ends before its content does",
                         .hint = "it was cut short; fetch it again"});
        }
        return fail({.operation = "read",
                     .object = title_,
                     .reason = "damaged compressed data (" + without_path(message) + ")",
                     .hint = "fetch it again"});
    }

    std::optional<double> progress() const override {
        const std::int64_t at = ::gzoffset(file_.get());
        if (bytes_ <= 0 || at < 0) {
            return std::nullopt;
        }
        return std::min(1.0, static_cast<double>(at) / static_cast<double>(bytes_));
    }

  private:
    /// zlib prefixes its messages with "<fd:3>: ".
    static std::string without_path(const char* message) {
        const char* colon = std::strstr(message, ": ");
        return colon == nullptr ? message : colon + 2;
    }

    std::unique_ptr<gzFile_s, CloseGz> file_;
    std::string title_;
    std::int64_t bytes_;  ///< size on disk; 0: unknown
};

}  // namespace

std::string file_title(const std::string& path) {
    return path == "-" ? "standard input" : path;
}

Result<std::unique_ptr<ByteSource>> open_file(const std::string& path, int stop) {
    const std::string title = file_title(path);
    Fd fd(path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                      : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        return fail_errno("open", title, errno);
    }
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) {
        return fail_errno("open", title, errno);
    }
    if (S_ISDIR(status.st_mode)) {
        return fail_errno("open", title, EISDIR, "name the captures in it");
    }
    if (!S_ISREG(status.st_mode)) {
        return read_pipe(std::move(fd), title, stop);
    }
    std::unique_ptr<gzFile_s, CloseGz> file(::gzdopen(fd.get(), "rb"));
    if (!file) {
        return fail_errno("open", title, ENOMEM);
    }
    (void)fd.release();  // gzclose_r() closes it
    ::gzbuffer(file.get(), kInflateBytes);
    return std::make_unique<GzSource>(std::move(file), title, status.st_size);
}

Result<std::size_t> MemorySource::read(std::span<std::uint8_t> to) {
    const std::size_t count = std::min(to.size(), bytes_.size() - next_);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(next_), count, to.begin());
    next_ += count;
    return count;
}

ByteReader::ByteReader(std::unique_ptr<ByteSource> source)
    : source_(std::move(source)), buffer_(kBufferBytes) {}

/// Bytes in the buffer, after filling it if it was empty; 0 at the end.
Result<std::size_t> ByteReader::available() {
    if (next_ == end_) {
        const auto got = source_->read(buffer_);
        if (!got) {
            return got;
        }
        next_ = 0;
        end_ = *got;
    }
    return end_ - next_;
}

Result<std::size_t> ByteReader::read(std::span<std::uint8_t> to) {
    std::size_t done = 0;
    while (done < to.size()) {
        const auto buffered = available();
        if (!buffered || *buffered == 0) {
            return buffered ? Result<std::size_t>(done) : buffered;
        }
        const std::size_t count = std::min(to.size() - done, *buffered);
        std::memcpy(to.data() + done, buffer_.data() + next_, count);
        next_ += count;
        offset_ += count;
        done += count;
    }
    return done;
}

Result<std::uint64_t> ByteReader::skip(std::uint64_t count) {
    std::uint64_t done = 0;
    while (done < count) {
        const auto buffered = available();
        if (!buffered) {
            return std::unexpected(buffered.error());
        }
        if (*buffered == 0) {
            break;
        }
        const auto step =
            static_cast<std::size_t>(std::min<std::uint64_t>(count - done, *buffered));
        next_ += step;
        offset_ += step;
        done += step;
    }
    return done;
}

}  // namespace flowstamp::net
