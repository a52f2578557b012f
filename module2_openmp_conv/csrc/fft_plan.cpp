#include "fft_plan.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <stdexcept>

#include "instruction_sets.h"
#include "team.h"

namespace {

constexpr std::int64_t kFloat = sizeof(float);
constexpr std::int64_t kItemBytes = 512 * 1024;  // stay in L2
constexpr std::int64_t kMostSegments = 96;       // of an item
constexpr std::int64_t kTileSegments = 6;        // fft_product.h
constexpr std::int64_t kLeastChannels = 8;
constexpr std::int64_t kMostSpectra = 16 << 20;  // floats of all weights' spectra
constexpr std::int64_t kEnoughSegments = 18;     // of an item, which reads all weights' spectra
constexpr std::int64_t kWorkOfSums = 2;          // of weights' transforms: sums are moved, too

enum class Choice { kAuto, kDirect, kFft };
constexpr std::array<const char*, 3> kNames{"auto", "direct", "fft"};  // in the order of Choice

std::atomic<Choice>& choice() {
    static std::atomic<Choice> chosen{Choice::kAuto};
    return chosen;
}

// As measured, a sum of n terms is off by at most about 10 √n units in the last place of one term
// by a transform's rounding; its own magnitude is n terms, or what padding leaves of them: four
// times the root's at least, or the taps are taken.
bool evens_out(std::int64_t terms, std::int64_t fewest) {
    return fewest * fewest >= 16 * terms;
}

// Positions of padding that a row's last output reads.
std::int64_t padding_behind(const Reach& r) {
    return r.out_length + r.kernel - 1 - r.padding - r.length;
}

// Of outputs: at a row's ends they read half of their taps, or they are left to the taps.
bool outputs_even_out(const Shape& p) {
    const Reach& r = p.reach;
    return r.length >= r.kernel && 2 * r.padding <= r.kernel && 2 * padding_behind(r) <= r.kernel &&
           evens_out(r.kernel * p.group_in, (r.kernel + 1) / 2 * p.group_in);
}

// Of the weights' gradients: the first and the last tap meet the fewest outputs.
bool sums_even_out(const Shape& p) {
    const Reach& r = p.reach;
    const std::int64_t idle = std::max<std::int64_t>({r.padding, padding_behind(r), 0});
    return idle < r.out_length &&
           evens_out(p.batch * r.out_length, p.batch * (r.out_length - idle));
}

// Multiply-adds of vectors that take as long as a vector's transform, turning included; and as long
// as waking a team once more.
std::int64_t transform_work(std::int64_t positions) {
    std::int64_t halvings = 0;
    while (positions >> halvings > 1) {
        ++halvings;
    }
    return positions * (2 * halvings + 6);
}
constexpr std::int64_t kWakingWork = 12'000;

// Multiply-adds of vectors that take as long; `weights_factor` times the weights' transforms.
std::int64_t fft_work(const FftShape& p, std::int64_t lanes, std::int64_t weights_factor) {
    const std::int64_t in = divided_up(p.group_in, lanes);
    const std::int64_t out = divided_up(p.group_out, lanes);
    const std::int64_t products = (2 * p.transform - 2) * p.group_in * out;
    const std::int64_t transforms = (in + out) * transform_work(p.transform);
    const std::int64_t weights = p.group_in * out * transform_work(p.transform);
    return p.groups * (p.batch * p.segments * (products + transforms) + weights_factor * weights) +
           kWakingWork;
}

std::int64_t taps_work(const Shape& p, std::int64_t lanes) {
    const std::int64_t terms = p.groups * p.group_in * p.reach.kernel;
    return p.batch * p.reach.out_length * terms * divided_up(p.group_out, lanes);
}

// Fills in the transform and its segments; says whether it is to be done.
bool plan(FftShape& p, const InstructionSet& isa, std::int64_t weights_factor) {
    const Choice chosen = choice().load();
    const Reach& r = p.reach;
    const bool takes = p.batch > 0 && r.stride == 1 && r.upsampling == 1 && r.dilation == 1 &&
                       p.group_in >= kLeastChannels && p.group_out >= kLeastChannels;
    if (!takes || chosen == Choice::kDirect) {
        return false;
    }
    std::int64_t least = 0;
    FftShape of_size = p;
    for (int size = 0; size < kTransforms; ++size) {
        of_size.transform = kLeastTransform << size;
        of_size.outputs = of_size.transform - r.kernel + 1;
        if (of_size.outputs < 1 ||
            p.groups * fft_weight_spectra(of_size, isa.lanes) > kMostSpectra) {
            continue;
        }
        of_size.segments = divided_up(r.out_length, of_size.outputs);
        const std::int64_t work = fft_work(of_size, isa.lanes, weights_factor);
        if (least == 0 || work < least) {
            least = work;
            p = of_size;
        }
    }
    return least > 0 && (chosen == Choice::kFft || 5 * least < 4 * taps_work(p, isa.lanes));
}

// Fills in the partition: items whose scratch stays in L2, of whole tiles where there are some, and
// at least so many.
void partition(FftShape& p, const InstructionSet& isa, std::int64_t least) {
    const std::int64_t segments = p.batch * p.segments;
    const std::int64_t channels =
        rounded_up(p.group_in, isa.lanes) + rounded_up(p.group_out, isa.lanes);
    const std::int64_t in_l2 = std::clamp<std::int64_t>(
        kItemBytes / (p.transform * channels * kFloat), kTileSegments, kMostSegments);
    const std::int64_t even =
        divided_up(segments, std::max(divided_up(segments, in_l2), std::min(least, segments)));
    p.segments_per_item = even < kTileSegments ? even : rounded_up(even, kTileSegments);
    p.items = divided_up(segments, p.segments_per_item);
}

}  // namespace

bool plan_outputs(FftShape& p, const InstructionSet& isa) {
    return outputs_even_out(p) && plan(p, isa, 1);
}

bool plan_sums(FftShape& p, const InstructionSet& isa) {
    return sums_even_out(p) && plan(p, isa, kWorkOfSums);
}

void partition_outputs(FftShape& p, const InstructionSet& isa, int threads) {
    const std::int64_t enough = p.batch * p.segments / kEnoughSegments;  // for the weights' spectra
    partition(
        p, isa,
        threads == 1 ? 1 : std::clamp<std::int64_t>(enough, threads, kItemsPerThread * threads));
}

void partition_sums(FftShape& p, const InstructionSet& isa, int threads) {
    partition(p, isa, threads);
}

std::vector<std::string> known_methods() {
    return {kNames.begin(), kNames.end()};
}

std::string current_method() {
    return kNames[static_cast<std::size_t>(choice().load())];
}

void use_method(const std::string& name) {
    const auto* const found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) {
        throw std::invalid_argument("there is no method '" + name +
                                    "': choose one of auto, direct, fft");
    }
    choice().store(static_cast<Choice>(found - kNames.begin()));
}

std::int64_t transform_of(const Geometry& g, const std::string& operation) {
    const bool of_weights = operation == "weight_gradient";
    if (!of_weights && operation != "forward" && operation != "input_gradient") {
        throw std::invalid_argument("there is no operation '" + operation +
                                    "': choose one of forward, input_gradient, weight_gradient");
    }
    FftShape p{};
    static_cast<Shape&>(p) =
        operation == "input_gradient" ? input_gradient_shape_of(g) : shape_of(g);
    return (of_weights ? plan_sums : plan_outputs)(p, current_isa()) ? p.transform : 0;
}
