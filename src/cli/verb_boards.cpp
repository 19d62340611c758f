#include "base/table.h"
#include "cli/verb.h"
#include "hw/board.h"

namespace qloom::cli {
namespace {

class BoardsVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "boards"; }

    [[nodiscard]] Manual manual() const override {
        return {.summary = "list the boards that compile knows",
                .synopsis = {"qloom boards [--json]"},
                .description = {"Lists the built-in boards with their FPGA part, resources and default clock. A board of your own is "
                                "a TOML file; give its path to `qloom compile --board` (docs/formats.md)."},
                .json_keys = {{"boards", "a list; each board with name, title, part, luts, ffs, bram36, dsps, clock_mhz, "
                                         "processing_system"}},
                .examples = {{"qloom boards", "the list"}}};
    }

    void add_options(CLI::App& /*app*/) override {}

    void run(Session& session) override {
        Table table({{"board"}, {"title"}, {"part"}, {"LUT", Align::kRight}, {"BRAM36", Align::kRight},
                     {"DSP", Align::kRight}, {"MHz", Align::kRight}, {"processor"}});
        auto& list = session.result()["boards"] = nlohmann::ordered_json::array();
        for (const hw::Board& board : hw::built_in_boards()) {
            const std::string processor(hw::processing_system_name(board.processing_system));
            table.add_row({board.name, board.title, board.part, fmt::format("{}", board.luts),
                           fmt::format("{}", board.bram36), fmt::format("{}", board.dsps),
                           fmt::format("{:g}", board.clock_mhz), processor});
            list.push_back({{"name", board.name}, {"title", board.title}, {"part", board.part}, {"luts", board.luts},
                            {"ffs", board.ffs}, {"bram36", board.bram36}, {"dsps", board.dsps},
                            {"clock_mhz", board.clock_mhz}, {"processing_system", processor}});
        }
        session.print(table.text(session.columns()));
    }
};

}  // namespace

std::unique_ptr<Verb> make_boards_verb() { return std::make_unique<BoardsVerb>(); }

}  // namespace qloom::cli
