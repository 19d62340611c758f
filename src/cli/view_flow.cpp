#include "cli/view_flow.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "base/codes/view.h"
#include "cli/compile_flow.h"
#include "emit/emit.h"
#include "hw/fold.h"
#include "ir/infer_shapes.h"
#include "onnx/reader.h"
#include "view/accelerator_json.h"
#include "view/page.h"
#include "view/streams_json.h"
#include "view/view_data.h"

namespace qloom::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uintmax_t kMostLogBytes = 64 << 10;  // of the UART log: its end

std::string read_end(const fs::path& file, std::uintmax_t most) {
    std::ifstream stream(file, std::ios::binary);
    std::error_code error;
    const std::uintmax_t size = fs::file_size(file, error);
    if (!error && size > most) stream.seekg(static_cast<std::streamoff>(size - most));
    return {std::istreambuf_iterator<char>(stream), {}};
}

// A JSON document of the folder; null where there is none, or none yet that can be read.
Json read_document(const fs::path& file) {
    if (!fs::is_regular_file(file)) return nullptr;
    std::ifstream stream(file, std::ios::binary);
    Json json = Json::parse(stream, nullptr, false);
    return json.is_object() ? json : Json(nullptr);
}

// "run" -> "run.metrics.json": what `qloom train` writes while it runs.
fs::path running_metrics(const fs::path& folder) { return folder.string() + ".metrics.json"; }

Json training_in(const fs::path& folder) {
    const fs::path running = running_metrics(folder);
    const fs::path done = folder / "metrics.json";
    std::error_code no_running;
    std::error_code no_done;
    const auto running_time = fs::last_write_time(running, no_running);
    const auto done_time = fs::last_write_time(done, no_done);
    if (!no_running && (no_done || running_time >= done_time)) return read_document(running);
    return read_document(done);
}

}  // namespace

ir::Graph with_shapes(ir::Graph imported) {
    try {
        ir::Graph shaped = imported;
        ir::infer_shapes(shaped);
        return shaped;
    } catch (const Error&) {
        return imported;
    }
}

std::string title_of(const ir::Graph& model, const fs::path& file) {
    static constexpr std::array kNamesOfExporters{"",           "model",     "graph",
                                                  "main_graph", "torch_jit", "torch-jit-export"};
    if (std::ranges::find(kNamesOfExporters, model.name) == kNamesOfExporters.end())
        return model.name;
    const std::string stem = file.stem().string();
    return stem.empty() ? "model" : stem;
}

Json training_beside(const fs::path& model_file) {
    return read_document(model_file.parent_path() / "metrics.json");
}

Json view_of(const CompiledView& compiled) {
    const ir::Graph imported = with_shapes(compiled.imported);
    return view::view_data({.title = compiled.title,
                            .imported = &imported,
                            .prepared = &compiled.prepared,
                            .placements = compiled.lowered.placements,
                            .lowered = &compiled.lowered,
                            .accelerator = &compiled.accelerator,
                            .notes = compiled.notes,
                            .training = compiled.training,
                            .simulation = compiled.simulation,
                            .self_check = compiled.self_check});
}

void refresh_report(const fs::path& folder) {
    if (view::page().empty()) return;
    const std::string html = view::report_html(ViewSession({.target = folder}).document());
    const fs::path file = folder / "report.html";
    const fs::path next = folder / ".report.html.new";
    std::ofstream(next, std::ios::binary) << html;
    std::error_code ignored;  // a folder that cannot be written keeps the report it has
    fs::rename(next, file, ignored);
}

ViewSession::ViewSession(ViewRequest request) : request_(std::move(request)) {
    const fs::path& target = request_.target;
    if (fs::is_regular_file(target)) {
        folder_ = target.parent_path();
        return;
    }
    const fs::path normal = target.lexically_normal();
    folder_ = normal.has_filename() ? normal : normal.parent_path();
    if (!fs::is_regular_file(folder_ / "model.onnx") &&
        !fs::is_regular_file(running_metrics(folder_)) &&
        !fs::is_regular_file(folder_ / "metrics.json")) {
        throw Error(code::kNothingToView, target.string(),
                    fs::exists(target)
                        ? "the folder has no model.onnx"
                        : "there is no such file or folder, and no training writes one",
                    "give a model file, or a folder that `qloom train` or `qloom compile` wrote");
    }
}

Json ViewSession::document() {
    lowered_.reset();
    accelerator_.reset();
    if (fs::is_regular_file(request_.target)) return model_document(request_.target);
    if (fs::is_regular_file(folder_ / "accelerator.json")) return compiled_document();
    if (fs::is_regular_file(folder_ / "model.onnx")) return model_document(folder_ / "model.onnx");
    return training_document();
}

std::string ViewSession::stamp() const {
    std::string text;
    const auto add = [&](const fs::path& file) {
        std::error_code error;
        const auto time = fs::last_write_time(file, error);
        text += error ? "-" : fmt::format("{} ", time.time_since_epoch().count());
    };
    if (fs::is_regular_file(request_.target)) add(request_.target);
    for (const char* name : {"model.onnx", "accelerator.json", "compile.json", "metrics.json", "simulation.json"})
        add(folder_ / name);
    add(running_metrics(folder_));
    return text;
}

const std::string& ViewSession::document_text() {
    const std::string now = stamp();
    if (text_.empty() || now != text_stamp_) {
        text_ = document().dump(-1, ' ', false, Json::error_handler_t::replace);
        text_stamp_ = now;
    }
    return text_;
}

Json ViewSession::compiled_document() {
    const CompiledModel compiled = read_compiled_model(folder_);
    accelerator_ = emit::read_accelerator(folder_);
    lowered_ = lower::lower(compiled.model.graph, compiled.options);
    return view_of({.title = compiled.title,
                    .imported = onnx::parse_model(compiled.model.bytes, compiled.model.file),
                    .prepared = lower::prepared(compiled.model.graph, compiled.options),
                    .lowered = *lowered_,
                    .accelerator = *accelerator_,
                    .notes = lowered_->notes,
                    .training = read_document(folder_ / "metrics.json"),
                    .simulation = read_document(folder_ / "simulation.json"),
                    .self_check = compiled.self_check});
}

Json ViewSession::model_document(const fs::path& file) {
    const Model model = load_model(file.string());
    const ir::Graph imported = with_shapes(onnx::parse_model(model.bytes, model.file));
    const lower::LowerOptions options{.input_types =
                                          parse_input_types(model.graph, request_.input_types)};
    const ir::Graph prepared = lower::prepared(model.graph, options);
    view::ViewInput input{.title = title_of(model.graph, file),
                          .imported = &imported,
                          .prepared = &prepared,
                          .training = training_in(folder_)};
    try {
        lowered_ = lower::lower(model.graph, options);
        input.lowered = &*lowered_;
        input.placements = lowered_->placements;
        input.notes = lowered_->notes;
        // Nobody asked for a rate yet: the smallest accelerator, from which a slider goes on.
        accelerator_ = hw::fold(lowered_->network,
                                {.board = hw::find_board(request_.board),
                                 .target_ii = view::target_limits(lowered_->network).slowest_ii});
        input.accelerator = &*accelerator_;
    } catch (const Error& error) {
        input.error = error.diagnostic();
        if (!lowered_) {
            lower::CheckResult check = lower::check(model.graph, options);
            input.placements = std::move(check.placements);
            input.notes = std::move(check.notes);
        }
    }
    return view::view_data(input);
}

Json ViewSession::training_document() const {
    const Json training = training_in(folder_);
    return view::view_data(
        {.title = training.is_object() ? training.value("recipe", "training") : "training",
         .training = training});
}

hw::Accelerator ViewSession::folded(std::int64_t ii_cycles) const {
    if (!accelerator_ || !lowered_) {
        throw Error(code::kNothingToView, request_.target.string(),
                    "there is no accelerator to fold", "look at the page for the reason");
    }
    return hw::fold(lowered_->network, {.board = accelerator_->board,
                                        .clock_mhz = accelerator_->clock_mhz,
                                        .target_ii = ii_cycles});
}

Json ViewSession::fold(std::int64_t ii_cycles) const {
    return view::accelerator_json(folded(ii_cycles));
}

Json ViewSession::streams(std::int64_t ii_cycles) const {
    return view::streams_json(folded(ii_cycles));
}

Json ViewSession::live() const {
    std::string revision;
    for (const char* name : {"model.onnx", "accelerator.json"}) {
        const fs::path file = folder_ / name;
        std::error_code error;
        const auto time = fs::last_write_time(file, error);
        if (!error) revision += fmt::format("{}.", time.time_since_epoch().count());
    }
    const fs::path log = folder_ / "uart.log";
    return {
        {"revision", revision},
        {"training", training_in(folder_)},
        {"simulation", read_document(folder_ / "simulation.json")},
        {"uart", fs::is_regular_file(log) ? Json(read_end(log, kMostLogBytes)) : Json(nullptr)}};
}

}  // namespace qloom::cli
