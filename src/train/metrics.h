#pragma once

#include <string>

#include "train/train.h"

namespace qloom::train {

// metrics.json: the facts of a training, indented JSON with a final newline.
std::string metrics_json(const TrainResult& result);

}  // namespace qloom::train
