// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Parsed once for all tests: see tests/CMakeLists.txt.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "user/precompiled.h"
