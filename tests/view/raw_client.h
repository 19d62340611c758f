#pragma once

#include <string>

namespace qloom::testing {

// Sends bytes to 127.0.0.1:port as they are and returns all that comes back until the server
// closes, says nothing for `patience_ms`, or cannot be reached ("" then).
std::string raw_exchange(int port, const std::string& bytes, int patience_ms = 300);

// Whether somebody listens at an address of this machine.
bool accepts(const std::string& address, int port);

// An address of this machine that is not loopback; "" when there is none.
std::string outside_address();

}  // namespace qloom::testing
