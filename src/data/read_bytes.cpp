#include "data/read_bytes.h"

#include <fstream>

#include "base/codes/train.h"
#include "base/diagnostic.h"

namespace qloom::data {

void corrupt_file(const std::string& where, const std::string& what) {
    throw Error(code::kDatasetCorrupt, where, what, "fetch or install the file again");
}

std::vector<std::uint8_t> read_bytes(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (!file || error) {
        throw Error(code::kDatasetMissing, path.string(), "the file cannot be read",
                    "check the path");
    }
    std::vector<std::uint8_t> bytes(size);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
    if (file.gcount() != static_cast<std::streamsize>(size)) {
        corrupt_file(path.string(), "the file cannot be read to its end");
    }
    return bytes;
}

}  // namespace qloom::data
