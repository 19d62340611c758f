#include <chrono>

#include "base/table.h"
#include "cli/options.h"
#include "cli/package_flow.h"
#include "cli/verb.h"

namespace qloom::cli {
namespace {

const char* meaning_of(const std::string& folder) {
    if (folder == "ip")
        return "the accelerator for Vivado's IP catalogue: add the folder to a project's IP "
               "repositories";
    if (folder == "vivado")
        return "vivado -mode batch -source build.tcl: bitstream, .xsa, .hwh, timing";
    if (folder == "pynq") return "copy to a PYNQ board, then python3 driver.py or qloom.ipynb";
    if (folder == "linux") return "the same in C++ for Linux without Python: make && ./qloom-run";
    if (folder == "system")
        return "the accelerator with Qloom's own DMA (files.f), for other FPGAs and tools";
    return "the bare-metal program: make; firmware/vitis for the vendor's tools";
}

class PackageVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "package"; }

    [[nodiscard]] Manual manual() const override {
        return {
            .summary =
                "write what a real board needs beside the RTL: IP, Vivado script, drivers, "
                "firmware",
            .synopsis =
                {"qloom package DIR [--board BOARD] [--data DATASET | --input x.npy] [OPTIONS]"},
            .description = {"Writes, into a folder that `qloom compile` made: ip/ (the accelerator "
                            "as a Vivado IP), vivado/build.tcl (project, "
                            "block design with processing system and DMA, bitstream, reports), "
                            "pynq/ (Python driver and notebook), linux/ "
                            "(the same in C++) and firmware/ (bare-metal program, and its "
                            "application for Vitis). docs/deploy.md leads from there "
                            "to labels on the screen.",
                            "The package holds sample frames and what the integer engine makes of "
                            "them, so that the first run on a board "
                            "checks itself: frames of a dataset, of an array, or made-up ones. "
                            "`qloom compile` packages with made-up frames "
                            "unless told not to; package again with --data for real ones.",
                            "An accelerator that is estimated to be too big for the board is "
                            "refused, with a target that fits. The folder is "
                            "replaced whole or stays as it was; what Vivado built in an older "
                            "package is removed with it."},
            .json_keys = {{"folder, board, part, clock_mhz", "what was packaged for what"},
                          {"folders", "the folders written"},
                          {"files", "how many files they hold"},
                          {"frames", "sample frames in the package"},
                          {"input_bits, output_bits",
                           "widths of the DMA's streams; null without a system"},
                          {"notes", "what was left out, and what drivers leave to their user"},
                          {"seconds", "time of the whole run"}},
            .examples = {{"qloom package out --data fashion-mnist:test --frames 100",
                          "with test images and their labels"},
                         {"qloom package out --board zybo-z7-20 --input x.npy",
                          "for another board, with frames of your own"}}};
    }

    void add_options(CLI::App& app) override {
        app.add_option("DIR", folder_, "A folder that `qloom compile` wrote.")->required();
        app.add_option("-b,--board", request_.board,
                       "A board that `qloom boards` lists, or a board file (.toml). Default: the "
                       "one it was compiled for.")
            ->type_name("BOARD");
        CLI::Option* data =
            app.add_option("--data", request_.data,
                           "Take the sample frames from a dataset, as `qloom eval` takes it.")
                ->type_name("DATASET");
        app.add_option("-i,--input", request_.inputs,
                       "Take the sample frames from an array, in place of --data.")
            ->type_name("[NAME=]FILE.npy")
            ->take_all()
            ->excludes(data);
        app.add_option(
               "--frames", request_.frames,
               "Sample frames. Default: 100 of a dataset, all of an array, 16 made-up ones (fewer of large frames).")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""));
        app.add_option("--batch", request_.batch,
                       "Frames that the bare-metal program puts into one DMA transfer.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""))
            ->default_str("100");
        add_scale_option(app, request_.scale);
        add_data_directory_option(app, request_.data_directory);
    }

    void run(Session& session) override {
        request_.folder = folder_;
        const auto start = std::chrono::steady_clock::now();
        const PackageOutcome outcome = package(request_);
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        nlohmann::ordered_json& result = session.result();
        result = {{"folder", folder_},          {"board", outcome.board.name},
                  {"part", outcome.board.part}, {"clock_mhz", outcome.accelerator.clock_mhz},
                  {"folders", outcome.folders}, {"files", outcome.files},
                  {"frames", outcome.frames},   {"input_bits", nullptr},
                  {"output_bits", nullptr},     {"notes", outcome.notes},
                  {"seconds", seconds}};
        if (outcome.plan) {
            result["input_bits"] = outcome.plan->input.dma_bits;
            result["output_bits"] = outcome.plan->output.dma_bits;
        }
        for (const std::string& note : outcome.notes) session.note(note);
        Table table({{"folder"}, {"what to do with it"}});
        for (const std::string& folder : outcome.folders)
            table.add_row({folder + "/", meaning_of(folder)});
        session.say(table.text(session.columns()));
        session.say(fmt::format("\n{} files for {} ({}) in {}/, with {} sample frames\n",
                                outcome.files, outcome.board.title, outcome.board.part, folder_,
                                outcome.frames));
    }

private:
    PackageRequest request_;
    std::string folder_;
};

}  // namespace

std::unique_ptr<Verb> make_package_verb() { return std::make_unique<PackageVerb>(); }

}  // namespace qloom::cli
