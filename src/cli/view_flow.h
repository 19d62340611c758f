#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/software.h"
#include "hw/accelerator.h"
#include "lower/lower.h"

// What a person looks at -> the document that the page shows. No printing here: the verb does that.
namespace qloom::cli {

struct ViewRequest {
    std::filesystem::path target;  // a model file, a training's folder (also one that is still to
                                   // appear), or a compiled folder
    std::string board = "pynq-z1";              // for what is not compiled yet
    std::vector<std::string> input_types = {};  // the same
};

// "fashion-mnist-mlp": the graph's own name where it has a telling one, else the file's.
std::string title_of(const ir::Graph& model, const std::filesystem::path& file);

// The model with the shape of every tensor. Operators keep their meaning whether shapes are known or not; a model whose
// shapes make no sense comes back as it is.
ir::Graph with_shapes(ir::Graph imported);

// metrics.json beside a model file, null where there is none.
nlohmann::ordered_json training_beside(const std::filesystem::path& model_file);

// The document of a compile that has just been made. `imported` is the model as its file has it.
struct CompiledView {
    std::string title;
    const ir::Graph& imported;
    const ir::Graph& prepared;
    const lower::Lowered& lowered;
    const hw::Accelerator& accelerator;
    std::vector<std::string> notes;
    nlohmann::ordered_json training = nullptr;
    nlohmann::ordered_json simulation = nullptr;
    nlohmann::ordered_json self_check = nullptr;
};
nlohmann::ordered_json view_of(const CompiledView& compiled);

// Writes report.html of a compiled folder again, with what was measured since. Nothing where the
// page is not built in.
void refresh_report(const std::filesystem::path& folder);

// A folder or model while somebody looks at it. Every call sees the files as they are then.
class ViewSession {
public:
    // Throws kNothingToView and what reading the model throws.
    explicit ViewSession(ViewRequest request);

    [[nodiscard]] nlohmann::ordered_json document();
    // document() as text; made again only when one of its files changed since.
    [[nodiscard]] const std::string& document_text();
    // The network of the last document() folded for another target. Throws kNothingToView when it
    // has no hardware, and what hw::fold throws.
    [[nodiscard]] nlohmann::ordered_json fold(std::int64_t ii_cycles) const;
    // What goes on between the units of fold(ii_cycles).
    [[nodiscard]] nlohmann::ordered_json streams(std::int64_t ii_cycles) const;
    // {"revision", "training", "simulation", "uart"}: what changes while the page is open.
    [[nodiscard]] nlohmann::ordered_json live() const;

private:
    [[nodiscard]] hw::Accelerator folded(std::int64_t ii_cycles) const;
    [[nodiscard]] nlohmann::ordered_json compiled_document();
    [[nodiscard]] nlohmann::ordered_json model_document(const std::filesystem::path& file);
    [[nodiscard]] nlohmann::ordered_json training_document() const;

    ViewRequest request_;
    std::filesystem::path folder_;  // where metrics.json, simulation.json and uart.log may lie
    // Which of the files are there, and since when.
    [[nodiscard]] std::string stamp() const;

    std::string text_;  // of the document as it was at text_stamp_
    std::string text_stamp_;
    std::optional<lower::Lowered> lowered_;
    std::optional<hw::Accelerator> accelerator_;
};

}  // namespace qloom::cli
