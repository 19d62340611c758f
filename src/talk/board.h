#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/codes/talk.h"
#include "talk/packets.h"
#include "talk/serial_port.h"

// A board that runs an accelerator behind ql_link.
namespace qloom::talk {

struct TalkOptions {
    // How long the board may take to answer when nothing else is on its way.
    std::chrono::milliseconds patience{500};
    int attempts = 5;   // for a packet, without any progress between
    int in_flight = 3;  // frames sent and not yet answered, at most; the board takes up to 4
    // Called now and then, frames answered so far; may throw.
    std::function<void(std::int64_t answered)> progress = {};
};

struct TalkStatistics {
    std::int64_t repeated = 0;  // frames that were sent again
    std::int64_t refused = 0;   // packets that the board found damaged, or had no room for
    std::int64_t damaged = 0;   // answers that came damaged
    double seconds = 0.0;       // from the first frame to the last answer
};

// Asks who is there, again and again for `attempts`. Throws code::kPortSilent, and
// code::kLineTooNoisy when something came that was no answer.
Hello ask(SerialPort& port, const TalkOptions& options = {});

// Streams frames of `frame_bytes` bytes each and returns the results, `result_bytes` bytes a
// frame, in order. A packet that is lost or damaged on either way is sent again. Throws
// code::kPortSilent and code::kLineTooNoisy.
Bytes run_frames(SerialPort& port, const Hello& board, const Bytes& frames,
                 const TalkOptions& options, TalkStatistics& statistics);

}  // namespace qloom::talk
