// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Parsed once for all files of the program: see user/CMakeLists.txt. Not <nlohmann/json.hpp>: it makes
// every file instantiate its parser (0.4 s), and few files use it.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>
