// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/capture/pipe_source.h"

#include <poll.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace flowstamp::net {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{64} << 10;  // the default capacity of a pipe

/// Inflates itself: zlib's gzread() would wait until its buffer is full.
class PipeSource final : public ByteSource {
  public:
    PipeSource(Fd fd, std::string title, int stop)
        : fd_(std::move(fd)), title_(std::move(title)), stop_(stop), input_(kBufferBytes) {}
    PipeSource(const PipeSource&) = delete;
    PipeSource& operator=(const PipeSource&) = delete;
    ~PipeSource() override {
        if (is_compressed_) {
            ::inflateEnd(&inflater_);
        }
    }

    Result<std::size_t> read(std::span<std::uint8_t> to) override {
        if (!begun_) {
            if (const Status begun = begin(); !begun) {
                return std::unexpected(begun.error());
            }
        }
        return is_compressed_ ? inflate(to) : pass_on(to);
    }

  private:
    /// The first two bytes identify gzip (RFC 1952, section 2.3.1).
    Status begin() {
        begun_ = true;
        while (end_ < 2) {
            const auto got = read_available(std::span(input_).subspan(end_, 2 - end_));
            if (!got) {
                return std::unexpected(got.error());
            }
            if (*got == 0) {
                return {};
            }
            end_ += *got;
        }
        if (input_[0] != 0x1f || input_[1] != 0x8b) {
            return {};
        }
        constexpr int kGzip = 16;
        is_compressed_ = ::inflateInit2(&inflater_, MAX_WBITS + kGzip) == Z_OK;
        return is_compressed_ ? Status{} : fail_errno("read", title_, ENOMEM);
    }

    /// Waits for data, and reads what the pipe holds; 0 at its end, or when `stop` is readable.
    Result<std::size_t> read_available(std::span<std::uint8_t> to) {
        for (;;) {
            pollfd waiting[] = {{fd_.get(), POLLIN, 0}, {stop_, POLLIN, 0}};
            if (::poll(waiting, std::size(waiting), -1) < 0 && errno != EINTR) {
                return fail_errno("read", title_, errno);
            }
            if (waiting[1].revents & POLLIN) {
                return std::size_t{0};
            }
            const ssize_t got =
                waiting[0].revents == 0 ? -1 : ::read(fd_.get(), to.data(), to.size());
            if (got >= 0) {
                return static_cast<std::size_t>(got);
            }
            if (waiting[0].revents != 0 && errno != EINTR && errno != EAGAIN) {
                return fail_errno("read", title_, errno);
            }
        }
    }

    Result<std::size_t> pass_on(std::span<std::uint8_t> to) {
        if (next_ == end_) {
            return read_available(to);
        }
        const std::size_t count = std::min(to.size(), end_ - next_);
        std::memcpy(to.data(), input_.data() + next_, count);
        next_ += count;
        return count;
    }

    Result<std::size_t> inflate(std::span<std::uint8_t> to) {
        inflater_.next_out = to.data();
        inflater_.avail_out = static_cast<uInt>(std::min<std::size_t>(to.size(), 1U << 30));
        const uInt wanted = inflater_.avail_out;
        while (inflater_.avail_out == wanted) {
            if (next_ == end_) {
                const auto got = read_available(input_);
                if (!got || *got == 0) {
                    return got && is_member_open_ ? cut_short() : got;
                }
                next_ = 0;
                end_ = *got;
            }
            inflater_.next_in = input_.data() + next_;
            inflater_.avail_in = static_cast<uInt>(end_ - next_);
            const int result = ::inflate(&inflater_, Z_NO_FLUSH);
            next_ = end_ - inflater_.avail_in;
            is_member_open_ = result != Z_STREAM_END;
            if (result == Z_STREAM_END) {
                ::inflateReset(&inflater_);  // another member may follow
            } else if (result != Z_OK && result != Z_BUF_ERROR) {
                return fail({.operation = "read",
                             .object = title_,
                             .reason = "damaged compressed data",
                             .hint = "fetch it again"});
            }
        }
        return wanted - inflater_.avail_out;
    }

    std::unexpected<Error> cut_short() const {
        return fail({.operation = "read",
                     .object = title_,
                     .reason = "the compressed file ends before its content does",
                     .hint = "it was cut short; fetch it again"});
    }

    Fd fd_;
    std::string title_;
    int stop_;
    bool begun_ = false;
    bool is_compressed_ = false;
    bool is_member_open_ = true;
    z_stream inflater_{};
    std::vector<std::uint8_t> input_;
    std::size_t next_ = 0;
    std::size_t end_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> read_pipe(Fd fd, std::string title, int stop) {
    return std::make_unique<PipeSource>(std::move(fd), std::move(title), stop);
}

}  // namespace flowstamp::net
