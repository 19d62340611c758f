#include "data/cifar.h"

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "data/read_bytes.h"

namespace qloom::data {
namespace {

constexpr std::size_t kImage = 3 * 32 * 32;
constexpr std::size_t kRecord = 1 + kImage;
constexpr int kClasses = 10;

std::filesystem::path folder_of(const std::filesystem::path& directory, const std::string& first) {
    const std::filesystem::path inner = directory / "cifar-10-batches-bin";
    for (const std::filesystem::path& folder : {directory, inner}) {
        if (std::filesystem::exists(folder / first)) {
            return folder;
        }
    }
    throw Error(
        code::kDatasetMissing, "cifar10",
        fmt::format("{} is not in {}", first,
                    directory.empty() ? std::string("the current folder") : directory.string()),
        "Debian has no package of it: unpack its binary version into a folder and name that with "
        "--data-dir");
}

}  // namespace

Dataset load_cifar10(bool training, const std::filesystem::path& directory) {
    std::vector<std::string> files{"test_batch.bin"};
    if (training) {
        files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                 "data_batch_5.bin"};
    }
    const std::filesystem::path folder = folder_of(directory, files.front());
    Dataset result;
    result.name = training ? "cifar10:train" : "cifar10:test";
    result.classes = kClasses;
    result.class_names = {"airplane", "automobile", "bird",  "cat",  "deer",
                          "dog",      "frog",       "horse", "ship", "truck"};
    std::vector<std::uint8_t> pixels;
    for (const std::string& file : files) {
        const std::string where = (folder / file).string();
        const std::vector<std::uint8_t> bytes = read_bytes(folder / file);
        if (bytes.empty() || bytes.size() % kRecord != 0) {
            corrupt_file(where, fmt::format("{} bytes are no whole number of records of {}",
                                            bytes.size(), kRecord));
        }
        for (std::size_t at = 0; at < bytes.size(); at += kRecord) {
            if (bytes[at] >= kClasses) {
                corrupt_file(where, fmt::format("record {} has label {}, 0 to 9 are possible",
                                                at / kRecord, bytes[at]));
            }
            result.labels.push_back(bytes[at]);
            pixels.insert(pixels.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at + 1),
                          bytes.begin() + static_cast<std::ptrdiff_t>(at + kRecord));
        }
    }
    result.samples = Tensor<std::uint8_t>({result.size(), 3, 32, 32}, std::move(pixels));
    return result;
}

}  // namespace qloom::data
