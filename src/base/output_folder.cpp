#include "base/output_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/codes/base.h"
#include "base/diagnostic.h"

namespace qloom {
namespace fs = std::filesystem;
namespace {

constexpr const char* kMarker = ".qloom";

// "out/" and "out" are the same folder; a relative path keeps its meaning because nothing changes
// directory.
fs::path without_trailing_slash(const fs::path& path) {
    fs::path normal = path.lexically_normal();
    return normal.has_filename() ? normal : normal.parent_path();
}

fs::path sibling(const fs::path& folder, const std::string& suffix) {
    return folder.parent_path() /
           fmt::format(".{}{}{}", folder.filename().string(), suffix, ::getpid());
}

[[noreturn]] void throw_unwritable(const fs::path& path, const std::string& reason) {
    throw Error(code::kOutputUnwritable, path.string(), "cannot be written (" + reason + ")",
                "choose an output folder you may write to, on a disk with room");
}

}  // namespace

bool is_output_folder(const fs::path& folder) {
    std::error_code error;
    return fs::is_regular_file(folder / kMarker, error);
}

OutputFolder::OutputFolder(const fs::path& folder, std::vector<std::string> keep)
    : folder_(without_trailing_slash(folder)), keep_(std::move(keep)) {
    std::error_code error;
    const fs::file_status status = fs::status(folder_, error);
    if (fs::exists(status)) {
        if (!fs::is_directory(status)) {
            throw Error(code::kOutputFolderExists, folder_.string(), "exists and is not a folder",
                        "choose another output folder, or remove it");
        }
        if (!fs::is_empty(folder_, error) && !is_output_folder(folder_)) {
            throw Error(code::kOutputFolderExists, folder_.string(),
                        "exists and was not made by qloom, so it is not replaced",
                        "choose another output folder, or remove this one yourself");
        }
    }
    if (folder_.has_parent_path()) {
        fs::create_directories(folder_.parent_path(), error);
        if (error) throw_unwritable(folder_, error.message());
    }
    staging_ = sibling(folder_, ".new-");
    fs::remove_all(staging_, error);
    fs::create_directory(staging_, error);
    if (error) {
        staging_.clear();
        throw_unwritable(folder_, error.message());
    }
}

OutputFolder::~OutputFolder() {
    std::error_code error;
    if (!staging_.empty()) fs::remove_all(staging_, error);
}

void OutputFolder::write(const fs::path& path, std::string_view bytes) {
    const fs::path file = staging_ / path;
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error) throw_unwritable(folder_ / path, error.message());
    errno = 0;
    std::ofstream stream(file, std::ios::binary | std::ios::trunc);
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    stream.close();
    if (!stream)
        throw_unwritable(folder_ / path, errno != 0 ? std::strerror(errno) : "write failed");
}

void OutputFolder::commit() {
    write(kMarker, "This folder was written by qloom, and qloom may replace it.\n");
    std::error_code error;
    fs::path old;
    if (fs::exists(folder_)) {
        for (const std::string& name : keep_) {
            if (!fs::exists(staging_ / name)) fs::rename(folder_ / name, staging_ / name, error);
        }
        old = sibling(folder_, ".old-");
        fs::rename(folder_, old, error);
        if (error) throw_unwritable(folder_, error.message());
    }
    fs::rename(staging_, folder_, error);
    if (error) {
        std::error_code ignored;
        if (!old.empty()) fs::rename(old, folder_, ignored);
        throw_unwritable(folder_, error.message());
    }
    staging_.clear();
    if (!old.empty()) fs::remove_all(old, error);
}

}  // namespace qloom
