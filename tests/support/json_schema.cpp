// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/support/json_schema.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <stdexcept>

namespace flowstamp::testing {

namespace {

using nlohmann::json;
using Lines = std::vector<std::string>;

/// Validates one value against one schema.
class Check {
  public:
    Check(const json& root, Lines& lines) : root_(root), lines_(lines) {}

    void value(const json& schema, const json& instance, const std::string& place) {
        static const std::map<std::string, Keyword> keywords = {
            {"$ref", &Check::ref},
            {"oneOf", &Check::one_of},
            {"type", &Check::type},
            {"enum", &Check::any_of_values},
            {"const", &Check::constant},
            {"minimum", &Check::minimum},
            {"maximum", &Check::maximum},
            {"pattern", &Check::pattern},
            {"minLength", &Check::min_length},
            {"maxItems", &Check::max_items},
            {"items", &Check::items},
            {"required", &Check::required},
            {"properties", &Check::properties},
        };
        static const std::vector<std::string> remarks = {"$schema", "$defs", "title",
                                                         "description"};
        for (const auto& [name, argument] : schema.items()) {
            if (const auto keyword = keywords.find(name); keyword != keywords.end()) {
                (this->*keyword->second)(argument, instance, place);
            } else if (name == "additionalProperties") {
                additional(schema, instance, place);
            } else if (std::ranges::find(remarks, name) == remarks.end()) {
                throw std::invalid_argument("schema keyword not known: " + name);
            }
        }
    }

  private:
    using Keyword = void (Check::*)(const json&, const json&, const std::string&);

    void log_error(const std::string& place, const std::string& what) {
        lines_.push_back(place + ": " + what);
    }

    void ref(const json& to, const json& instance, const std::string& place) {
        const std::string pointer = to.get<std::string>().substr(1);  // after the '#'
        value(root_.at(json::json_pointer(pointer)), instance, place);
    }

    void one_of(const json& schemas, const json& instance, const std::string& place) {
        std::size_t fitting = 0;
        Lines closest;
        for (const json& schema : schemas) {
            Lines lines;
            Check(root_, lines).value(schema, instance, place);
            fitting += lines.empty();
            if (closest.empty() || lines.size() < closest.size()) {
                closest = lines;
            }
        }
        if (fitting == 1) {
            return;
        }
        log_error(place, "fits " + std::to_string(fitting) + " of oneOf's schemas, not 1");
        lines_.insert(lines_.end(), closest.begin(), closest.end());
    }

    void type(const json& name, const json& instance, const std::string& place) {
        static const std::map<std::string, std::function<bool(const json&)>> tests = {
            {"object", [](const json& value) { return value.is_object(); }},
            {"array", [](const json& value) { return value.is_array(); }},
            {"string", [](const json& value) { return value.is_string(); }},
            {"boolean", [](const json& value) { return value.is_boolean(); }},
            {"integer", [](const json& value) { return value.is_number_integer(); }},
            {"number", [](const json& value) { return value.is_number(); }},
        };
        if (!tests.at(name)(instance)) {
            log_error(place, "is not of type " + name.get<std::string>());
        }
    }

    void any_of_values(const json& values, const json& instance, const std::string& place) {
        if (std::find(values.begin(), values.end(), instance) == values.end()) {
            log_error(place, instance.dump() + " is none of " + values.dump());
        }
    }

    void constant(const json& wanted, const json& instance, const std::string& place) {
        if (instance != wanted) {
            log_error(place, instance.dump() + " is not " + wanted.dump());
        }
    }

    void minimum(const json& least, const json& instance, const std::string& place) {
        if (instance.is_number() && instance < least) {
            log_error(place, instance.dump() + " is below " + least.dump());
        }
    }

    void maximum(const json& most, const json& instance, const std::string& place) {
        if (instance.is_number() && instance > most) {
            log_error(place, instance.dump() + " is above " + most.dump());
        }
    }

    void pattern(const json& expression, const json& instance, const std::string& place) {
        if (instance.is_string() && !std::regex_search(instance.get<std::string>(),
                                                       std::regex(expression.get<std::string>()))) {
            log_error(place, instance.dump() + " does not match " + expression.dump());
        }
    }

    void min_length(const json& least, const json& instance, const std::string& place) {
        if (instance.is_string() && instance.get<std::string>().size() < least) {
            log_error(place, "is too short");
        }
    }

    void max_items(const json& most, const json& instance, const std::string& place) {
        if (instance.is_array() && instance.size() > most) {
            log_error(place, "has too many items");
        }
    }

    void items(const json& schema, const json& instance, const std::string& place) {
        for (std::size_t i = 0; instance.is_array() && i < instance.size(); i++) {
            value(schema, instance[i], place + "/" + std::to_string(i));
        }
    }

    void required(const json& names, const json& instance, const std::string& place) {
        for (const json& name : names) {
            if (instance.is_object() && !instance.contains(name.get<std::string>())) {
                log_error(place, "lacks " + name.get<std::string>());
            }
        }
    }

    void properties(const json& schemas, const json& instance, const std::string& place) {
        for (const auto& [name, schema] : schemas.items()) {
            if (instance.is_object() && instance.contains(name)) {
                value(schema, instance[name], place + "/" + name);
            }
        }
    }

    void additional(const json& schema, const json& instance, const std::string& place) {
        if (schema.at("additionalProperties") != false) {
            throw std::invalid_argument("additionalProperties can only be false here");
        }
        for (const auto& [name, member] : instance.items()) {
            if (instance.is_object() && !schema.at("properties").contains(name)) {
                log_error(place, name + " is not described");
            }
        }
    }

    const json& root_;
    Lines& lines_;
};

}  // namespace

JsonSchema JsonSchema::read(const std::string& path) {
    std::ifstream file(path);
    return JsonSchema(json::parse(file));
}

std::vector<std::string> JsonSchema::violations(const json& instance) const {
    Lines lines;
    Check(root_, lines).value(root_, instance, "");
    return lines;
}

}  // namespace flowstamp::testing
