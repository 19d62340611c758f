#include "cli/package_flow.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "base/codes/cli.h"
#include "base/codes/hw.h"
#include "base/codes/soc.h"
#include "cli/compile_flow.h"
#include "cli/firmware_output.h"
#include "cli/frames.h"
#include "cli/interrupt.h"
#include "emit/emit.h"
#include "hw/fold.h"

namespace qloom::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDefaultFrames = 100;  // of a dataset, when --frames does not say

// The fastest accelerator of a target, or nothing where no folding reaches it.
std::optional<hw::Accelerator> folded(const network::Network& network, const hw::Board& board,
                                      double clock_mhz, std::int64_t ii) {
    try {
        return hw::fold(network, {.board = board, .clock_mhz = clock_mhz, .target_ii = ii});
    } catch (const Error& error) {
        if (error.code() == code::kTargetUnreachable) {
            return std::nullopt;
        }
        throw;
    }
}

bool fits(const network::Network& network, const hw::Board& board, double clock_mhz,
          std::int64_t ii) {
    const auto accelerator = folded(network, board, clock_mhz, ii);
    return accelerator && pack::excess(*accelerator, board).empty();
}

std::string text_of(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
        throw Error(code::kFileUnreadable, file.string(), "the file cannot be read",
                    "compile the model again");
    }
    return {std::istreambuf_iterator<char>(stream), {}};
}

// The files of a compiled folder, without an older package and without what the simulator keeps.
std::vector<emit::TextFile> compiled_files(const fs::path& folder) {
    std::vector<emit::TextFile> files;
    const std::vector<std::string> caches = emit::kept_folders();
    for (fs::recursive_directory_iterator entry(folder), end; entry != end; ++entry) {
        const std::string path = fs::relative(entry->path(), folder).generic_string();
        const bool is_other =
            std::ranges::find(caches, path) != caches.end() ||
            std::ranges::find(pack::kPackageFolders, path) != std::end(pack::kPackageFolders);
        if (entry->is_directory() && is_other) {
            entry.disable_recursion_pending();
        } else if (entry->is_regular_file()) {
            files.push_back({path, text_of(entry->path())});
        }
    }
    std::ranges::sort(files, {}, &emit::TextFile::path);
    return files;
}

}  // namespace

std::string fitting_target(const network::Network& network, const hw::Accelerator& accelerator,
                           const hw::Board& board) {
    const double clock = accelerator.clock_mhz;
    // Slower and slower until it fits or nothing gets smaller any more.
    std::int64_t too_fast = accelerator.ii_cycles;
    std::int64_t slow = too_fast;
    double smallest = accelerator.total().luts;
    bool found = false;
    for (int unchanged = 0; !found && unchanged < 4;) {
        check_interrupted();
        slow = slow * 3 / 2 + 1;
        const auto smaller = folded(network, board, clock, slow);
        found = smaller && pack::excess(*smaller, board).empty();
        if (!found) too_fast = slow;
        const double luts = smaller ? smaller->total().luts : smallest;
        unchanged = luts < smallest ? 0 : unchanged + 1;
        smallest = std::min(smallest, luts);
    }
    if (!found) {
        std::vector<std::string> larger;
        for (const hw::Board& other : hw::built_in_boards()) {
            if (other.has_estimates() && pack::excess(accelerator, other).empty())
                larger.push_back(other.name);
        }
        return larger.empty() ? "no built-in board is large enough; make the network smaller"
                              : fmt::format("no target fits; take a larger board: {}",
                                            fmt::join(larger, ", "));
    }
    while (slow - too_fast > std::max<std::int64_t>(1, slow / 50)) {
        const std::int64_t middle = too_fast + (slow - too_fast) / 2;
        (fits(network, board, clock, middle) ? slow : too_fast) = middle;
    }
    return fmt::format(
        "compile again with --ii {} ({:.0f} frames/s at {:g} MHz), which fits, or take a larger "
        "board",
        slow, clock * 1e6 / static_cast<double>(slow), clock);
}

pack::Samples samples_of(const lower::Engine& engine, const std::vector<ir::Value>& inputs) {
    std::vector<network::Frames> integers = engine.to_integers(inputs);
    std::vector<network::Frames> results = engine.run_network(integers);
    return {.inputs = std::move(integers.front()), .outputs = std::move(results.front())};
}

pack::OutputMeaning output_meaning_of(const lower::Lowered& lowered) {
    pack::FirmwareOptions options;
    try {
        set_output_meaning(lowered, options);
    } catch (const Error& error) {
        if (error.code() != code::kLabelsNotComparable) throw;
    }
    return std::move(options.output);
}

PackageOutcome package(const PackageRequest& request) {
    PackageOutcome outcome;
    outcome.accelerator = emit::read_accelerator(request.folder);
    const CompiledModel compiled = read_compiled_model(request.folder);
    const ir::Graph& model = compiled.model.graph;
    outcome.board =
        request.board.empty() ? outcome.accelerator.board : hw::find_board(request.board);
    const lower::Engine engine(lower::lower(model, compiled.options));
    const network::Network& network = engine.lowered().network;
    if (!pack::excess(outcome.accelerator, outcome.board).empty()) {
        pack::check_size(outcome.accelerator, outcome.board,
                         fitting_target(network, outcome.accelerator, outcome.board));
    }
    pack::check_sample_count(outcome.accelerator, request.frames.value_or(1));
    std::vector<ir::Value> inputs;
    std::vector<std::int64_t> labels;
    if (!request.data.empty()) {
        const std::int64_t limit = request.frames.value_or(kDefaultFrames);
        const DataInput data(
            model, data::load(request.data, {.directory = request.data_directory, .limit = limit}),
            request.scale);
        inputs = data.frames(0, data.size());
        labels.assign(data.dataset().labels.begin(), data.dataset().labels.end());
    } else if (!request.inputs.empty()) {
        inputs = read_inputs(model, request.inputs);
        for (ir::Value& input : inputs) {
            input = slice_frames(
                input, 0,
                std::min(request.frames.value_or(frame_count(input)), frame_count(input)));
        }
    } else {
        inputs = made_up_frames(
            model, engine.lowered(),
            request.frames.value_or(pack::made_up_sample_count(outcome.accelerator)));
    }
    outcome.frames = frame_count(inputs.front());
    pack::check_sample_count(outcome.accelerator, outcome.frames);
    check_interrupted();
    pack::Samples samples = samples_of(engine, inputs);
    samples.labels = std::move(labels);
    const std::vector<emit::TextFile> old = compiled_files(request.folder);
    pack::Package made =
        pack::make_package(outcome.accelerator, outcome.board, engine.lowered(), old, samples,
                           {.batch = request.batch, .output = output_meaning_of(engine.lowered())});
    outcome.notes = std::move(made.notes);
    outcome.files = static_cast<std::int64_t>(made.files.size());
    std::set<std::string> folders;
    for (const emit::TextFile& file : made.files)
        folders.insert(file.path.substr(0, file.path.find('/')));
    outcome.folders.assign(folders.begin(), folders.end());
    if (pack::fits_one_dma(outcome.accelerator) && !outcome.board.ice40)
        outcome.plan = pack::plan_streams(outcome.accelerator, outcome.board);
    check_interrupted();
    emit::write_folder(old, request.folder, made.files);
    return outcome;
}

}  // namespace qloom::cli
