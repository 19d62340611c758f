#include "data/dataset.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "data/cifar.h"
#include "data/csv.h"
#include "data/idx.h"
#include "data/image_folder.h"
#include "data/npy_pair.h"
#include "data/npz.h"

namespace qloom::data {
namespace {

struct Family {
    std::string_view name;
    std::string_view package;  // Debian package that installs it; empty when there is none
    std::string_view directory;
    std::array<std::string_view, 10> class_names;
};

constexpr std::array<Family, 2> kFamilies{{
    {"fashion-mnist",
     "dataset-fashion-mnist",
     "/usr/share/datasets/fashion-mnist",
     {"T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
      "ankle boot"}},
    {"mnist", "", "/usr/share/datasets/mnist", {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}},
}};

std::filesystem::path existing_file(const std::filesystem::path& directory, const std::string& stem,
                                    const Family& family) {
    for (const char* suffix : {".gz", ""}) {
        const std::filesystem::path path = directory / (stem + suffix);
        if (std::filesystem::exists(path)) {
            return path;
        }
    }
    const std::string advice =
        family.package.empty()
            ? fmt::format(
                  "Debian has no package of it: put its four idx files into a folder and name it "
                  "with --data-dir")
            : fmt::format("install the Debian package {0}: apt-get install {0}", family.package);
    throw Error(code::kDatasetMissing, std::string(family.name),
                fmt::format("{}.gz is not in {}", stem, directory.string()), advice);
}

// Images and labels belong together, and the labels are classes 0..classes-1; `classes` 0 means
// largest label + 1.
Dataset pair_up(const std::string& name, Tensor<std::uint8_t> images,
                const Tensor<std::uint8_t>& labels, int classes) {
    const auto mismatch = [&](const std::string& what) {
        throw Error(code::kDatasetMismatch, name, what,
                    "give the files of images and labels that belong together");
    };
    if (images.rank() < 2) {
        mismatch(fmt::format("the images have shape {}, expected (N, height, width)",
                             shape_text(images.shape())));
    }
    if (labels.rank() != 1) {
        mismatch(fmt::format("the labels have shape {}, expected (N)", shape_text(labels.shape())));
    }
    if (images.dim(0) != labels.dim(0)) {
        mismatch(fmt::format("{} images, but {} labels", images.dim(0), labels.dim(0)));
    }
    const int largest = *std::max_element(labels.begin(), labels.end());
    if (classes != 0 && largest >= classes) {
        mismatch(fmt::format("label {} of {} classes", largest, classes));
    }
    Dataset result;
    result.name = name;
    result.samples = std::move(images);
    result.labels.assign(labels.begin(), labels.end());
    result.classes = classes != 0 ? classes : largest + 1;
    return result;
}

Dataset load_family(const Family& family, bool training, const LoadOptions& options) {
    const std::filesystem::path directory =
        options.directory.empty() ? std::filesystem::path(family.directory) : options.directory;
    const std::string prefix = training ? "train" : "t10k";
    const std::filesystem::path images =
        existing_file(directory, prefix + "-images-idx3-ubyte", family);
    const std::filesystem::path labels =
        existing_file(directory, prefix + "-labels-idx1-ubyte", family);
    Dataset result =
        pair_up(fmt::format("{}:{}", family.name, training ? "train" : "test"), read_idx(images),
                read_idx(labels), static_cast<int>(family.class_names.size()));
    result.class_names.assign(family.class_names.begin(), family.class_names.end());
    return result;
}

// "A,B" -> A and B.
std::pair<std::string, std::string> two_paths(const std::string& specification,
                                              std::string_view form) {
    const std::string paths = specification.substr(specification.find(':') + 1);
    const std::size_t comma = paths.find(',');
    if (comma == std::string::npos || comma == 0 || comma + 1 == paths.size() ||
        paths.find(',', comma + 1) != std::string::npos) {
        throw Error(code::kDatasetUnknown, specification,
                    "two files are needed, separated by one comma", fmt::format("write {}", form));
    }
    return {paths.substr(0, comma), paths.substr(comma + 1)};
}

// "npz:FILE" or "npz:FILE,X,Y"; X and Y are "x" and "y" unless said.
Dataset load_npz_pair(const std::string& specification) {
    std::vector<std::string> words{""};
    for (const char c : specification.substr(specification.find(':') + 1)) {
        if (c == ',') {
            words.emplace_back();
        } else {
            words.back() += c;
        }
    }
    if (words.size() == 1) {
        words.insert(words.end(), {"x", "y"});
    }
    if (words.size() != 3 || words[0].empty()) {
        throw Error(code::kDatasetUnknown, specification,
                    "a file is needed, or a file and the names of two arrays",
                    "write npz:FILE or npz:FILE,X,Y");
    }
    std::map<std::string, NpyArray> arrays = read_npz(words[0]);
    for (std::size_t i = 1; i < 3; ++i) {
        if (!arrays.contains(words[i])) {
            std::vector<std::string> names;
            for (const auto& [name, array] : arrays) {
                names.push_back(name);
            }
            throw Error(code::kDatasetMismatch, specification,
                        fmt::format("there is no array {}", words[i]),
                        fmt::format("name two of {}: npz:FILE,X,Y", fmt::join(names, ", ")));
        }
    }
    return pair_arrays(specification, std::move(arrays.at(words[1])), arrays.at(words[2]),
                       fmt::format("{}: {}", words[0], words[1]),
                       fmt::format("{}: {}", words[0], words[2]));
}

void keep_first(Dataset& dataset, std::int64_t count) {
    if (count >= dataset.size()) {
        return;
    }
    std::visit(
        [&](auto& samples) {
            Shape shape = samples.shape();
            shape[0] = count;
            auto values = std::move(samples.values());
            values.resize(static_cast<std::size_t>(element_count(shape)));
            samples = {std::move(shape), std::move(values)};
        },
        dataset.samples);
    dataset.labels.resize(static_cast<std::size_t>(count));
}

}  // namespace

const Shape& Dataset::shape() const {
    return std::visit([](const auto& tensor) -> const Shape& { return tensor.shape(); }, samples);
}

Shape Dataset::sample_shape() const { return {shape().begin() + 1, shape().end()}; }

Tensor<float> Dataset::frames(std::int64_t first, std::int64_t count) const {
    QLOOM_ASSERT(first >= 0 && count >= 0 && first + count <= size(), "the frames exist");
    Shape shape = this->shape();
    shape[0] = count;
    Tensor<float> result(shape);
    const std::int64_t start = first * sample_size();
    std::visit(
        [&](const auto& tensor) {
            std::transform(tensor.begin() + start, tensor.begin() + start + result.size(),
                           result.begin(), [](auto value) { return static_cast<float>(value); });
        },
        samples);
    return result;
}

std::vector<std::string> named_datasets() {
    std::vector<std::string> result;
    for (const Family& family : kFamilies) {
        for (const char* part : {":train", ":test"}) {
            result.push_back(std::string(family.name) + part);
        }
    }
    result.insert(result.end(), {"cifar10:train", "cifar10:test"});
    return result;
}

Dataset load(const std::string& specification, const LoadOptions& options) {
    Dataset result;
    if (specification.starts_with("idx:")) {
        const auto [images, labels] = two_paths(specification, "idx:IMAGES,LABELS");
        result = pair_up(specification, read_idx(images), read_idx(labels), 0);
    } else if (specification.starts_with("npy:")) {
        const auto [samples, labels] = two_paths(specification, "npy:X.npy,Y.npy");
        result = load_npy_pair(specification, samples, labels);
    } else if (specification.starts_with("npz:")) {
        result = load_npz_pair(specification);
    } else if (specification.starts_with("images:")) {
        result = load_image_folder(specification, specification.substr(7));
    } else if (specification.starts_with("csv:")) {
        const std::string path = specification.substr(4);
        const std::size_t comma = path.rfind(',');
        result = load_csv(specification, path.substr(0, comma),
                          comma == std::string::npos ? "" : path.substr(comma + 1));
    } else if (specification == "cifar10:train" || specification == "cifar10:test") {
        result = load_cifar10(specification.ends_with("train"), options.directory);
    } else {
        const auto* family =
            std::find_if(kFamilies.begin(), kFamilies.end(), [&](const Family& candidate) {
                return specification == fmt::format("{}:train", candidate.name) ||
                       specification == fmt::format("{}:test", candidate.name);
            });
        if (family == kFamilies.end()) {
            const std::vector<std::string> names = named_datasets();
            const std::string near = nearest_word(specification, names);
            throw Error(code::kDatasetUnknown, specification, "there is no such dataset",
                        fmt::format("{}the datasets are {}, idx:IMAGES,LABELS, npy:X.npy,Y.npy, "
                                    "npz:FILE,X,Y, images:DIR and csv:FILE,LABEL",
                                    near.empty() ? "" : fmt::format("did you mean {}? ", near),
                                    fmt::join(names, ", ")));
        }
        result = load_family(*family, specification.ends_with(":train"), options);
    }
    if (options.limit) {
        keep_first(result, *options.limit);
    }
    return result;
}

}  // namespace qloom::data
