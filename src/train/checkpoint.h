#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "train/state.h"
#include "train/train.h"

namespace qloom::train {

// Everything a training needs to go on after an epoch as if it had never stopped.
struct Checkpoint {
    std::string fingerprint;  // of the recipe
    std::int64_t optimiser_steps = 0;
    std::vector<float> first_moment;
    std::vector<float> second_moment;
    State state;
    State best = {};                   // that of the best epoch, when the recipe keeps it
    std::vector<EpochMetrics> epochs;  // done so far
    friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// Writes to a neighbour first and renames: a kill at any moment leaves the old or the new
// checkpoint, never half of one. Throws kOutputUnwritable.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

// What lies at `path`; empty when there is no such file.
std::string checkpoint_bytes(const std::filesystem::path& path);

// The checkpoint in these bytes, those of `path`. Throws kCheckpointCorrupt, and kCheckpointForeign
// when it is of another recipe than `fingerprint` says.
Checkpoint parse_checkpoint(std::string_view bytes, const std::filesystem::path& path,
                            const std::string& fingerprint);

// The checkpoint at `path`, none when there is no such file. Throws the same.
std::optional<Checkpoint> read_checkpoint(const std::filesystem::path& path,
                                          const std::string& fingerprint);

// Throws kCheckpointForeign.
[[noreturn]] void throw_foreign(const std::filesystem::path& path);

}  // namespace qloom::train
