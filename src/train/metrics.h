#pragma once

#include <string>

#include "train/train.h"

namespace qloom::train {

// metrics.json: the facts of a training, indented JSON with a final newline.
std::string metrics_json(const TrainResult& result);

// The same of a training that still runs, after the epochs that `result` has, with the keys
// "finished" (false) and "epochs_planned".
std::string running_metrics_json(const TrainResult& result, int epochs_planned);

}  // namespace qloom::train
