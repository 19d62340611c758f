#pragma once

#include <string>

#include "base/diagnostic.h"

namespace qloom::testing {

// The message of the qloom::Error that `action` throws.
template <class F>
std::string error_of(F&& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace qloom::testing
