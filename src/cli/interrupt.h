#pragma once

namespace qloom::cli {

// Thrown by check_interrupted(): unwinds to main, so that temporary folders are removed on the way.
struct Interrupted {};

// A write beyond the limit of a file's size fails from now on and does not end the program. From now on Ctrl-C and SIGTERM only set a flag; a second one ends the program at once.
void catch_interrupts();
[[nodiscard]] bool interrupted();
// Throws Interrupted when a signal came. Called by progress callbacks and between chunks of long work.
void check_interrupted();

}  // namespace qloom::cli
