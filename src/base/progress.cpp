#include "base/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace qloom {
namespace {

constexpr double kBarInterval = 0.1;   // seconds between two redraws
constexpr double kLineInterval = 5.0;  // seconds between two lines of a log
constexpr int kWidestBar = 30;
constexpr int kNarrowestBar = 5;

double fraction_of(const ProgressState& state) {
    if (state.total <= 0) {
        return 0.0;
    }
    return std::clamp(static_cast<double>(state.done) / static_cast<double>(state.total), 0.0, 1.0);
}

// " ETA 12 s", or "" while nothing can be said.
std::string eta_text(const ProgressState& state) {
    const double fraction = fraction_of(state);
    if (fraction >= 1.0) {
        return {};
    }
    double eta = state.eta_seconds;
    if (eta < 0.0) {
        if (fraction <= 0.0 || state.elapsed_seconds < 0.2) {
            return {};
        }
        eta = state.elapsed_seconds * (1.0 - fraction) / fraction;
    }
    return "  ETA " + duration_text(eta);
}

}  // namespace

ProgressStyle progress_style(std::FILE* stream, bool quiet) {
    if (quiet) {
        return ProgressStyle::kSilent;
    }
    return isatty(fileno(stream)) != 0 ? ProgressStyle::kBar : ProgressStyle::kLines;
}

int terminal_columns(std::FILE* stream, int fallback) {
    winsize size{};
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return fallback;
    }
    return size.ws_col;
}

std::string duration_text(double seconds) {
    if (seconds < 9.95) {
        return fmt::format("{:.1f} s", std::max(seconds, 0.0));
    }
    const auto whole = static_cast<std::int64_t>(std::llround(seconds));
    if (whole < 60) {
        return fmt::format("{} s", whole);
    }
    if (whole < 3600) {
        return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    }
    return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string progress_bar_text(const ProgressState& state, int columns) {
    const double fraction = fraction_of(state);
    const std::string percent = fmt::format(" {:3} %", static_cast<int>(fraction * 100.0));
    const std::string details = state.details.empty() ? "" : fmt::format("  {}", state.details);
    const std::string eta = eta_text(state);
    const int text = static_cast<int>(state.title.size() + 1 + 2 + percent.size() + details.size() + eta.size());
    const int bar = std::clamp(columns - text, 0, kWidestBar);
    std::string line(state.title);
    if (bar >= kNarrowestBar) {
        const int full = static_cast<int>(fraction * bar);
        std::string inside(static_cast<std::size_t>(full), '=');
        if (full < bar) {
            inside += '>';
        }
        inside.resize(static_cast<std::size_t>(bar), ' ');
        line += " [" + inside + "]";
    }
    line += percent + details + eta;
    if (line.size() > static_cast<std::size_t>(std::max(columns, 0))) {
        line.resize(static_cast<std::size_t>(std::max(columns, 0)));
    }
    return line;
}

std::string progress_line_text(const ProgressState& state) {
    return fmt::format("{}: {} % ({}/{}){}{}", state.title, static_cast<int>(fraction_of(state) * 100.0), state.done,
                       state.total, state.details.empty() ? "" : fmt::format("  {}", state.details), eta_text(state));
}

Progress::Progress(std::FILE* stream, ProgressStyle style, std::string title, std::int64_t total)
    : stream_(stream),
      style_(style),
      title_(title),
      first_title_(std::move(title)),
      total_(total),
      start_(std::chrono::steady_clock::now()) {}

Progress::Progress(ProgressSink sink, std::string title, std::int64_t total)
    : Progress(nullptr, ProgressStyle::kSink, std::move(title), total) {
    sink_ = std::move(sink);
}

Progress::~Progress() { finish(); }

double Progress::elapsed() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void Progress::update(std::int64_t done, std::string_view details, double eta_seconds) {
    done_ = done;
    if (style_ == ProgressStyle::kSilent || finished_) {
        return;
    }
    details_ = details;
    const double now = elapsed();
    const double interval = style_ == ProgressStyle::kLines ? kLineInterval : kBarInterval;
    if (now - last_shown_ < interval) {
        return;
    }
    last_shown_ = now;
    const ProgressState state{title_, done_, total_, now, eta_seconds, details_};
    if (style_ == ProgressStyle::kSink) {
        sink_.update(state);
        return;
    }
    if (style_ == ProgressStyle::kBar) {
        // One column is left free: some terminals wrap a line that fills the last one.
        fmt::print(stream_, "\r{}\x1b[K", progress_bar_text(state, terminal_columns(stream_) - 1));
        bar_visible_ = true;
    } else {
        fmt::print(stream_, "{}\n", progress_line_text(state));
    }
    std::fflush(stream_);
}

void Progress::begin_stage(std::string title, std::int64_t total) {
    title_ = std::move(title);
    total_ = total;
    done_ = 0;
    if (style_ == ProgressStyle::kBar || style_ == ProgressStyle::kSink) {
        last_shown_ = -kBarInterval;
        update(0);
    } else if (style_ == ProgressStyle::kLines) {
        line(title_ + " ...");
    }
}

void Progress::line(std::string_view text) {
    if (style_ == ProgressStyle::kSilent) {
        return;
    }
    if (style_ == ProgressStyle::kSink) {
        sink_.line(text);
        return;
    }
    erase();
    fmt::print(stream_, "{}\n", text);
    std::fflush(stream_);
}

void Progress::erase() {
    if (bar_visible_) {
        fmt::print(stream_, "\r\x1b[K");
        std::fflush(stream_);
        bar_visible_ = false;
    }
}

void Progress::finish() {
    if (finished_) {
        return;
    }
    finished_ = true;
    erase();
    const double now = elapsed();
    if (style_ == ProgressStyle::kLines && now > 1.0 && done_ >= total_ && total_ > 0) {
        fmt::print(stream_, "{}: done in {}\n", first_title_, duration_text(now));
        std::fflush(stream_);
    }
}

}  // namespace qloom
