#pragma once

#include <fmt/format.h>

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace qloom {

// What kind of user error or note this is: a stable, documented number (docs/diagnostics.md). The numbers and texts stand
// in base/codes/ROOM.def, one line each,
//   QLOOM_CODE(number, kName, "what it is", "a faulty example", "how to repair it")
// and are named code::kName by base/codes/ROOM.h, so that a new one rebuilds its users only. A test checks that every
// code is used by the program and hit by a test; the catalogue is generated.
enum class Code : int {};

struct CodeInfo {
    Code code;
    std::string_view name;
    std::string_view summary;
    std::string_view example;
    std::string_view repair;
};

// All codes, ascending by number.
std::span<const CodeInfo> all_codes();

// "Q0312" for Code{312}.
std::string code_text(Code code);

// One message to a user: `where` is a file, node, layer or option ("" when there is none), `what` says what is
// wrong with the values found, `advice` says what to do. Printed as "Q0312: where: what; advice".
struct Diagnostic {
    Code code;
    std::string where;
    std::string what;
    std::string advice;

    [[nodiscard]] std::string text() const;
};

// A user error. Programmer errors are assertions (see QLOOM_ASSERT), never this.
class Error : public std::runtime_error {
public:
    explicit Error(Diagnostic diagnostic)
        : std::runtime_error(diagnostic.text()), diagnostic_(std::move(diagnostic)) {}
    Error(Code code, std::string where, std::string what, std::string advice)
        : Error(Diagnostic{code, std::move(where), std::move(what), std::move(advice)}) {}

    [[nodiscard]] const Diagnostic& diagnostic() const { return diagnostic_; }
    [[nodiscard]] Code code() const { return diagnostic_.code; }

private:
    Diagnostic diagnostic_;
};

// The candidate nearest to `word` by edit distance, or "" when none is near: for did-you-mean.
std::string nearest_word(std::string_view word, std::span<const std::string> candidates);

[[noreturn]] void assertion_failed(const char* file, int line, const char* condition, std::string_view sentence);

}  // namespace qloom

// Checks what only a bug in Qloom can violate, in every build type.
#define QLOOM_ASSERT(condition, sentence) \
    ((condition) ? void(0) : ::qloom::assertion_failed(__FILE__, __LINE__, #condition, sentence))
