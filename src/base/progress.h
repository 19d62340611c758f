#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

namespace qloom {

// How progress is shown: a bar redrawn in place on a terminal, plain lines in a log, by a program that asked for it, or not
// at all.
enum class ProgressStyle { kBar, kLines, kSink, kSilent };

// kSilent when `quiet`; otherwise kBar where `stream` is a terminal, else kLines.
ProgressStyle progress_style(std::FILE* stream, bool quiet);

// Columns of the terminal behind `stream`; `fallback` where there is none.
int terminal_columns(std::FILE* stream, int fallback = 80);

// "0.4 s", "12 s", "3 min 20 s", "2 h 05 min".
std::string duration_text(double seconds);

// What a bar says at one moment.
struct ProgressState {
    std::string_view title;
    std::int64_t done = 0;
    std::int64_t total = 0;
    double elapsed_seconds = 0.0;
    double eta_seconds = -1.0;  // negative: extrapolated from elapsed_seconds
    std::string_view details = {};
};

// A program that shows progress by itself (a notebook). What it throws ends the work.
struct ProgressSink {
    std::function<void(const ProgressState& state)> update;  // at most ten times a second, and when a part begins
    std::function<void(std::string_view text)> line;         // a line that stays
};

// One line of at most `columns` characters; the bar shrinks first, then the details are cut.
//   title [=========>          ]  47 %  details  ETA 12 s
std::string progress_bar_text(const ProgressState& state, int columns);
// The same as a plain line: "title: 47 % (4700/10000)  details  ETA 12 s".
std::string progress_line_text(const ProgressState& state);

// Shows one piece of long work. Cheap to call often: a bar is redrawn at most ten times a second, a line is printed
// at most every five seconds and at the end of work that took longer than a second.
class Progress {
public:
    Progress(std::FILE* stream, ProgressStyle style, std::string title, std::int64_t total);
    Progress(ProgressSink sink, std::string title, std::int64_t total);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void update(std::int64_t done, std::string_view details = {}, double eta_seconds = -1.0);
    void set_title(std::string title) { title_ = std::move(title); }
    void set_total(std::int64_t total) { total_ = total; }
    // Another part of the work begins: shown at once, since nothing may be heard of it for a while.
    void begin_stage(std::string title, std::int64_t total);
    // Prints a line that stays, above the bar.
    void line(std::string_view text);
    // Removes the bar (or prints the closing line of a log). Called by the destructor as well.
    void finish();

private:
    [[nodiscard]] double elapsed() const;
    void erase();

    std::FILE* stream_;
    ProgressStyle style_;
    ProgressSink sink_;
    std::string title_;
    std::string first_title_;  // names the whole work in the closing line
    std::int64_t total_;
    std::int64_t done_ = 0;
    std::string details_;
    std::chrono::steady_clock::time_point start_;
    double last_shown_ = 0.0;
    bool bar_visible_ = false;
    bool finished_ = false;
};

}  // namespace qloom
