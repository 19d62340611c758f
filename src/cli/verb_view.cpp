#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/process.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "cli/view_flow.h"
#include "view/page.h"
#include "view/server.h"

namespace qloom::cli {
namespace {

// Whether there is a screen that a browser could open on.
bool has_screen() {
    return std::getenv("DISPLAY") != nullptr ||
           std::getenv("WAYLAND_DISPLAY") != nullptr;  // NOLINT: one thread so far
}

class ViewVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "view"; }

    [[nodiscard]] Manual manual() const override {
        return {
            .summary =
                "look at a network in the browser: its graph at each step, speed, size, training",
            .synopsis = {"qloom view DIR|MODEL [--port N] [--no-browser] [OPTIONS]"},
            .description = {"Serves a page about a compiled folder, a training's folder or a model "
                            "file: the graph at each step from the file "
                            "to the hardware, with shapes, ranges, weights and thresholds of every "
                            "node; cycles and resources of every layer "
                            "against the board; a slider that folds the network for another rate; "
                            "training curves, which grow while `qloom "
                            "train` runs; frames, answers and accuracy of the last `qloom "
                            "simulate`; DIR/uart.log as it is written.",
                            "The server listens on 127.0.0.1 only, answers no other origin, and "
                            "ends with Ctrl-C. Nothing is written. A "
                            "compiled folder also has report.html, the same page without a server; "
                            "with --json the page's data are printed "
                            "and nothing is served."},
            .json_keys =
                {{"format, version",
                  "\"qloom-view\" and 1: docs/formats.md describes the document"},
                 {"title, constants", "name of the network, how many constants it has"},
                 {"steps",
                  "a list: id, title, about and graph of import, tidy, integers, network and "
                  "accelerator"},
                 {"accelerator",
                  "what `qloom compile --json` says, with channels, ports and FIFO occupancy; or "
                  "null"},
                 {"target_limits",
                  "fastest_ii_cycles and slowest_ii_cycles that a folding can have; or null"},
                 {"notes", "assumptions and degradations"},
                 {"training, simulation, self_check",
                  "metrics.json, simulation.json and compile's check; or null"},
                 {"problem", "why the model goes no further (code, where, what, advice); or null"}},
            .examples = {{"qloom view out", "a compiled network"},
                         {"qloom view run", "a training, also while it runs"},
                         {"qloom view model.onnx --board kv260 --no-browser",
                          "a model that is not compiled yet"},
                         {"qloom view out --json", "the page's data"}}};
    }

    void add_options(CLI::App& app) override {
        app.add_option(
               "TARGET", target_,
               "A folder that `qloom compile` or `qloom train` writes, or a QONNX or ONNX file.")
            ->required();
        app.add_option("--port", port_, "Port of the server. Default: a free one.")
            ->type_name("N")
            ->check(CLI::Range(1, 65535).description(""));
        app.add_flag("--no-browser", no_browser_, "Do not open a browser.");
        app.add_option("-b,--board", request_.board,
                       "The board to fold for, for a model that is not compiled yet.")
            ->type_name("BOARD")
            ->default_str("pynq-z1");
        add_input_type_option(app, request_.input_types);
    }

    void run(Session& session) override {
        request_.target = target_;
        ViewSession view(request_);
        if (session.json) {
            session.result() = view.document();
            return;
        }
        const std::string_view page = view::required_page(view::page());
        (void)view.document_text();  // what is wrong with the model is said here, not in the browser
        view::Server server({.page = std::string(page),
                             .view = [&] { return view.document_text(); },
                             .fold = [&](std::int64_t ii) { return view.fold(ii); },
                             .streams = [&](std::int64_t ii) { return view.streams(ii); },
                             .live = [&] { return view.live(); }},
                            port_);
        session.print(server.address() + "\n");
        session.say(fmt::format("shows {} until Ctrl-C\n", target_));
        std::fflush(stdout);
        serve(server);
    }

private:
    void serve(view::Server& server) const {
        std::thread serving([&] { server.run(); });
        std::thread browser;
        if (!no_browser_ && has_screen() && tool_exists("xdg-open")) {
            browser = std::thread([address = server.address()] {
                try {
                    (void)run_tool({"xdg-open", address}, {.timeout = std::chrono::seconds(20)});
                } catch (const Error&) {  // the address stands on the screen
                }
            });
        }
        while (!interrupted()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
        server.stop();
        serving.join();
        if (browser.joinable()) browser.join();
    }

    ViewRequest request_;
    std::string target_;
    int port_ = 0;
    bool no_browser_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_view_verb() { return std::make_unique<ViewVerb>(); }

}  // namespace qloom::cli
