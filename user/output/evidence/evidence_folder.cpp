// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/evidence/evidence_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace flowstamp::output {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::string_view kExtension = ".pcapng";
constexpr unsigned kSameStem = 1000;

/// Where a file is written until it is whole. Hidden, so that no pattern of captures matches it.
std::string aside() {
    return fmt::format(".flowstamp-{}.part", ::getpid());
}

Result<Fd> open_folder(const std::string& path) {
    if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        return fail_errno("make the folder", path, errno);
    }
    Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd) {
        return fd;
    }
    const int error = errno;
    std::error_code ignored;
    if (fs::is_symlink(path, ignored)) {
        return fail({.operation = "open for writing",
                     .object = path,
                     .errno_value = error,
                     .reason = "it is a symbolic link",
                     .hint = "name the folder that it leads to"});
    }
    return fail_errno("open for writing", path, error,
                      error == ENOTDIR ? "--evidence takes a folder" : "");
}

}  // namespace

Result<EvidenceFolder> EvidenceFolder::open(const std::string& path, const EvidenceLimits& limits) {
    auto fd = open_folder(path);
    if (!fd) {
        return std::unexpected(std::move(fd).error());
    }
    EvidenceFolder folder(std::move(*fd), path, limits);
    if (::faccessat(folder.fd_.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
        return fail_errno("write into", path, errno);
    }
    if (const Status measured = folder.measure(); !measured) {
        return std::unexpected(measured.error());
    }
    return folder;
}

Status EvidenceFolder::measure() {
    std::error_code error;
    for (fs::directory_iterator file(path_, error), end; !error && file != end;
         file.increment(error)) {
        std::error_code gone;
        if (file->path().extension() == kExtension &&
            file->symlink_status(gone).type() == fs::file_type::regular) {
            const auto bytes = file->file_size(gone);
            bytes_ += gone ? 0 : bytes;
        }
    }
    return error ? fail_errno("read the folder", path_, error.value()) : Status{};
}

bool EvidenceFolder::has_room(std::uint64_t bytes) {
    is_full_ = bytes_ + bytes > limits_.bytes;
    return !is_full_;
}

std::unexpected<Error> EvidenceFolder::failed(int error, const std::string& name) const {
    return fail_errno("write", path_ + "/" + name, error);
}

Status EvidenceFolder::write_aside(std::string_view contents) const {
    const std::string name = aside();
    ::unlinkat(fd_.get(), name.c_str(), 0);  // what a killed process left
    const Fd file(::openat(fd_.get(), name.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                           S_IRUSR | S_IWUSR));
    if (!file) {
        return failed(errno, name);
    }
    while (!contents.empty()) {
        const ssize_t written = ::write(file.get(), contents.data(), contents.size());
        if (written < 0 && errno != EINTR) {
            const int error = errno;
            ::unlinkat(fd_.get(), name.c_str(), 0);
            return failed(error, name);
        }
        contents.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    return {};
}

Result<std::optional<std::string>> EvidenceFolder::create(const std::string& stem,
                                                          std::string_view contents,
                                                          Nanoseconds wall) {
    if (minute_ == Nanoseconds::min() || wall - minute_ >= 1min || wall < minute_) {
        minute_ = wall;
        files_ = 0;
    }
    is_full_ = false;
    if (files_ >= limits_.files_a_minute || !has_room(contents.size())) {
        return std::nullopt;
    }
    if (const Status written = write_aside(contents); !written) {
        return std::unexpected(written.error());
    }
    int error = EEXIST;
    for (unsigned copy = 1; copy <= kSameStem && error == EEXIST; copy++) {
        std::string name = copy == 1 ? stem : fmt::format("{}-{}", stem, copy);
        name += kExtension;
        if (::renameat2(fd_.get(), aside().c_str(), fd_.get(), name.c_str(), RENAME_NOREPLACE) ==
            0) {
            files_++;
            bytes_ += contents.size();
            return std::optional(std::move(name));
        }
        error = errno;
    }
    ::unlinkat(fd_.get(), aside().c_str(), 0);
    return failed(error, stem + std::string(kExtension));
}

Result<bool> EvidenceFolder::replace(const std::string& name, std::string_view contents) {
    struct stat before{};
    if (::fstatat(fd_.get(), name.c_str(), &before, AT_SYMLINK_NOFOLLOW) != 0) {
        before.st_size = 0;  // somebody has taken it away
    }
    const auto old_bytes = static_cast<std::uint64_t>(before.st_size);
    bytes_ -= std::min(bytes_, old_bytes);
    const bool fits = has_room(contents.size());
    const Status written = fits ? write_aside(contents) : Status{};
    const bool is_replaced =
        fits && written && ::renameat(fd_.get(), aside().c_str(), fd_.get(), name.c_str()) == 0;
    const int error = errno;
    bytes_ += is_replaced ? contents.size() : old_bytes;
    if (!written) {
        return std::unexpected(written.error());
    }
    return is_replaced || !fits ? Result<bool>(fits) : failed(error, name);
}

}  // namespace flowstamp::output
