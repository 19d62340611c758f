#pragma once

#include "base/diagnostic.h"

namespace qloom::code {

#define QLOOM_CODE(number, name, summary, example, repair) inline constexpr Code name{number};
#include "base/codes/talk.def"
#undef QLOOM_CODE

}  // namespace qloom::code
