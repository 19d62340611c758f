#include "cli/talk_flow.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "base/codes/cli.h"
#include "cli/compile_flow.h"
#include "cli/frames.h"
#include "cli/interrupt.h"
#include "emit/emit.h"
#include "lower/lower.h"
#include "pack/stream_bytes.h"
#include "sim/beats.h"

namespace qloom::cli {
namespace {

constexpr std::int64_t kDefaultFrames = 1000;  // of a dataset, when --frames does not say
constexpr std::int64_t kMadeUpFrames = 16;
constexpr std::int64_t kFramesAtOnce = 10000;

pack::SerialLink read_link(const std::filesystem::path& folder,
                           const hw::Accelerator& accelerator) {
    const std::filesystem::path file = folder / "ice40" / "link.json";
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
        throw Error(
            code::kFolderIncomplete, folder.string(),
            fmt::format("it has no ice40/link.json: it was compiled for {}, or with --no-package",
                        accelerator.board.name.empty() ? "no board" : accelerator.board.name),
            "compile for a board with an iCE40, say --board ice40-hx8k");
    }
    const auto link = pack::link_from({std::istreambuf_iterator<char>(stream), {}});
    if (!link) {
        throw Error(code::kFolderIncomplete, file.string(), "the file is damaged",
                    "compile the model again");
    }
    return *link;
}

// Beats of results as they came over the line, as words for unpack_beats().
network::Frames frames_of(const hw::Port& port, const talk::Bytes& bytes, std::int64_t frames) {
    const std::int64_t beat_bytes = port.data_bits / 8;
    const std::int64_t beat_words = (beat_bytes + 3) / 4;
    std::vector<std::uint32_t> words(static_cast<std::size_t>(
        static_cast<std::int64_t>(bytes.size()) / beat_bytes * beat_words));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto index = static_cast<std::int64_t>(i);
        const std::int64_t place = index % beat_bytes;
        words[static_cast<std::size_t>(index / beat_bytes * beat_words + place / 4)] |=
            std::uint32_t{bytes[i]} << (8 * (place % 4));
    }
    return sim::unpack_beats(port, words, frames);
}

}  // namespace

TalkOutcome talk_to_board(const TalkRequest& request) {
    TalkOutcome outcome;
    const hw::Accelerator accelerator = emit::read_accelerator(request.folder);
    outcome.link = read_link(request.folder, accelerator);
    const CompiledModel compiled = read_compiled_model(request.folder);
    const ir::Graph& model = compiled.model.graph;
    const lower::Engine engine(lower::lower(model, compiled.options));
    const network::Network& network = engine.lowered().network;

    talk::TalkOptions options = request.options;
    const std::int64_t baud = request.baud.value_or(outcome.link.baud);
    // What is on its way takes its time on the line, a byte ten bits.
    options.patience += std::chrono::milliseconds(
        options.in_flight * (outcome.link.frame_bytes + outcome.link.result_bytes) * 10 * 1000 /
        baud);
    talk::SerialPort port(request.port, baud);
    const talk::Hello board = talk::ask(port, options);
    const talk::Hello expected_board{outcome.link.design, outcome.link.frame_bytes,
                                     outcome.link.result_bytes};
    if (board != expected_board) {
        throw Error(code::kOtherDesign, request.port,
                    fmt::format("the board runs design {:08x} ({} bytes a frame), and {} is design "
                                "{:08x} ({} bytes a frame)",
                                board.design, board.frame_bytes, request.folder.string(),
                                expected_board.design, expected_board.frame_bytes),
                    fmt::format("qloom synth {0}, then iceprog {0}/ice40/qloom.bin",
                                request.folder.string()));
    }

    std::optional<DataInput> data;
    std::vector<ir::Value> inputs;
    if (!request.data.empty()) {
        data.emplace(model,
                     data::load(request.data, {.directory = request.data_directory,
                                               .limit = request.frames.value_or(kDefaultFrames)}),
                     request.scale);
        outcome.frames = data->size();
        outcome.input_scale = data->scale_text();
    } else if (!request.inputs.empty()) {
        inputs = read_inputs(model, request.inputs);
        outcome.frames = std::min(request.frames.value_or(frame_count(inputs.front())),
                                  frame_count(inputs.front()));
    } else {
        inputs = made_up_frames(model, engine.lowered(), request.frames.value_or(kMadeUpFrames));
        outcome.frames = frame_count(inputs.front());
    }

    std::int64_t correct = 0;
    for (std::int64_t first = 0; first < outcome.frames; first += kFramesAtOnce) {
        const std::int64_t count = std::min(kFramesAtOnce, outcome.frames - first);
        std::vector<ir::Value> chunk;
        if (data) {
            chunk = data->frames(first, count);
        } else {
            for (const ir::Value& input : inputs)
                chunk.push_back(slice_frames(input, first, count));
        }
        const std::vector<network::Frames> integers = engine.to_integers(chunk);
        const std::vector<network::Frames> expected = engine.run_network(integers);
        talk::TalkStatistics statistics;
        talk::TalkOptions chunk_options = options;
        if (options.progress) {
            chunk_options.progress = [&](std::int64_t answered) {
                options.progress(first + answered);
            };
        }
        const talk::Bytes results = talk::run_frames(
            port, board, pack::stream_bytes(accelerator.inputs.front(), integers.front()),
            chunk_options, statistics);
        outcome.statistics.repeated += statistics.repeated;
        outcome.statistics.refused += statistics.refused;
        outcome.statistics.damaged += statistics.damaged;
        outcome.statistics.seconds += statistics.seconds;

        const std::vector<network::Frames> found{
            with_shape(frames_of(accelerator.outputs.front(), results, count),
                       network.stream(network.outputs.front()).shape)};
        const Comparison comparison = compare_frames(network, expected, found);
        outcome.mismatches += comparison.mismatches;
        if (comparison.first && !outcome.first_difference) {
            outcome.first_difference = comparison.first;
            outcome.first_difference->frame += first;
        }
        if (data) {
            const std::vector<std::int64_t> labels = labels_of(engine.to_outputs(found).front());
            outcome.labels.insert(outcome.labels.end(), labels.begin(), labels.end());
            correct += data->count_correct(labels, first);
        }
        check_interrupted();
    }
    if (data && outcome.frames > 0) {
        outcome.accuracy = static_cast<double>(correct) / static_cast<double>(outcome.frames);
    }
    return outcome;
}

}  // namespace qloom::cli
