#!/usr/bin/env python3
"""Writes lbfgs_reference.json: what SciPy's L-BFGS-B makes of the problems in
lbfgs_problems.rs.

    pip install scipy
    python3 tests/data/lbfgs_reference.py > tests/data/lbfgs_reference.json

Problems: More, Garbow and Hillstrom, ACM TOMS 7, 17 (1981), with box bounds in
the manner of Gay (1984); Hock and Schittkowski, LNEMS 187 (1981). Gradients by
complex step, exact to rounding. Both tolerances are 0: SciPy goes on until the
value decreases no more. `evaluations` is its nfev until then;
`evaluations_to_target` is the number of the first evaluation with
f <= f_best + 1e-10 (f_0 - f_best) (More and Wild, SIAM J. Optim. 20, 172, 2009).
"""
import json
import numpy as np
import scipy
from scipy.optimize import minimize

exp, sin, cos, log, sqrt = np.exp, np.sin, np.cos, np.log, np.sqrt
INF = None


def sq(r):
    return sum(v * v for v in r)


def atan(z):
    return np.arctan(z)


def rosenbrock(x):
    return sq([r for i in range(0, len(x), 2) for r in (10 * (x[i + 1] - x[i] ** 2), 1 - x[i])])


def freudenstein_roth(x):
    a, b = x
    return sq([-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b])


def powell_badly_scaled(x):
    return sq([1e4 * x[0] * x[1] - 1, exp(-x[0]) + exp(-x[1]) - 1.0001])


def brown_badly_scaled(x):
    return sq([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2])


def beale(x):
    return sq([y - x[0] * (1 - x[1] ** (i + 1)) for i, y in enumerate((1.5, 2.25, 2.625))])


def jennrich_sampson(x):
    return sq([2 + 2 * i - (exp(i * x[0]) + exp(i * x[1])) for i in range(1, 11)])


def helical_valley(x):
    angle = atan(x[1] / x[0]) / (2 * np.pi) + (0.5 if x[0].real < 0 else 0.0)
    return sq([10 * (x[2] - 10 * angle), 10 * (sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]])


BARD = [.14, .18, .22, .25, .29, .32, .35, .39, .37, .58, .73, .96, 1.34, 2.10, 4.39]


def bard(x):
    return sq([y - (x[0] + u / ((16 - u) * x[1] + min(u, 16 - u) * x[2]))
               for u, y in enumerate(BARD, 1)])


GAUSSIAN = [.0009, .0044, .0175, .0540, .1295, .2420, .3521, .3989,
            .3521, .2420, .1295, .0540, .0175, .0044, .0009]


def gaussian(x):
    return sq([x[0] * exp(-x[1] * ((8 - i) / 2 - x[2]) ** 2 / 2) - y
               for i, y in enumerate(GAUSSIAN, 1)])


MEYER = [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744,
         8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872]


def meyer(x):
    return sq([x[0] * exp(x[1] / (45 + 5 * i + x[2])) - y for i, y in enumerate(MEYER, 1)])


def box_3d(x):
    t = [0.1 * i for i in range(1, 11)]
    return sq([exp(-s * x[0]) - exp(-s * x[1]) - x[2] * (exp(-s) - exp(-10 * s)) for s in t])


def powell_singular(x):
    return sq([r for i in range(0, len(x), 4) for r in (
        x[i] + 10 * x[i + 1], sqrt(5) * (x[i + 2] - x[i + 3]),
        (x[i + 1] - 2 * x[i + 2]) ** 2, sqrt(10) * (x[i] - x[i + 3]) ** 2)])


def wood(x):
    return sq([10 * (x[1] - x[0] ** 2), 1 - x[0], sqrt(90) * (x[3] - x[2] ** 2), 1 - x[2],
               sqrt(10) * (x[1] + x[3] - 2), (x[1] - x[3]) / sqrt(10)])


KOWALIK_Y = [.1957, .1947, .1735, .1600, .0844, .0627, .0456, .0342, .0323, .0235, .0246]
KOWALIK_U = [4, 2, 1, .5, .25, .167, .125, .1, .0833, .0714, .0625]


def kowalik_osborne(x):
    return sq([y - x[0] * (u * u + u * x[1]) / (u * u + u * x[2] + x[3])
               for y, u in zip(KOWALIK_Y, KOWALIK_U)])


def brown_dennis(x):
    t = [i / 5 for i in range(1, 21)]
    return sq([(x[0] + s * x[1] - exp(s)) ** 2 + (x[2] + x[3] * sin(s) - cos(s)) ** 2 for s in t])


OSBORNE = [.844, .908, .932, .936, .925, .908, .881, .850, .818, .784, .751, .718, .685, .658,
           .628, .603, .580, .558, .538, .522, .506, .490, .478, .467, .457, .448, .438, .431,
           .424, .420, .414, .411, .406]


def osborne_1(x):
    return sq([y - (x[0] + x[1] * exp(-10 * i * x[3]) + x[2] * exp(-10 * i * x[4]))
               for i, y in enumerate(OSBORNE)])


def biggs_exp6(x):
    def r(t):
        y = exp(-t) - 5 * exp(-10 * t) + 3 * exp(-4 * t)
        return x[2] * exp(-t * x[0]) - x[3] * exp(-t * x[1]) + x[5] * exp(-t * x[4]) - y
    return sq([r(0.1 * i) for i in range(1, 14)])


def watson(x):
    total = sq([x[0], x[1] - x[0] ** 2 - 1])
    for i in range(1, 30):
        t = i / 29
        a = sum(j * x[j] * t ** (j - 1) for j in range(1, len(x)))
        b = sum(x[j] * t ** j for j in range(len(x)))
        total = total + (a - b * b - 1) ** 2
    return total


def penalty_1(x):
    return 1e-5 * sq(v - 1 for v in x) + (sq(x) - 0.25) ** 2


def variably_dimensioned(x):
    s = sum((j + 1) * (v - 1) for j, v in enumerate(x))
    return sq(v - 1 for v in x) + s ** 2 + s ** 4


def trigonometric(x):
    n = len(x)
    c = sum(cos(v) for v in x)
    return sq(n - c + (i + 1) * (1 - cos(v)) - sin(v) for i, v in enumerate(x))


def brown_almost_linear(x):
    n = len(x)
    s, p = sum(x), 1.0
    for v in x:
        p = p * v
    return sq([x[i] + s - (n + 1) for i in range(n - 1)] + [p - 1])


def discrete_boundary_value(x):
    n = len(x)
    h = 1 / (n + 1)
    at = lambda i: x[i] if 0 <= i < n else 0.0
    return sq(2 * x[i] - at(i - 1) - at(i + 1) + h * h * (x[i] + (i + 1) * h + 1) ** 3 / 2
              for i in range(n))


def broyden_tridiagonal(x):
    n = len(x)
    at = lambda i: x[i] if 0 <= i < n else 0.0
    return sq((3 - 2 * x[i]) * x[i] - at(i - 1) - 2 * at(i + 1) + 1 for i in range(n))


def broyden_banded(x):
    n = len(x)
    return sq(x[i] * (2 + 5 * x[i] ** 2) + 1
              - sum(x[j] * (1 + x[j]) for j in range(max(0, i - 5), min(n, i + 2)) if j != i)
              for i in range(n))


def chebyquad(x):
    n = len(x)
    total = 0.0
    before, now = [1.0 for _ in x], [2 * v - 1 for v in x]
    for i in range(1, n + 1):
        mean = sum(now) / n
        total = total + (mean - (0.0 if i % 2 else -1.0 / (i * i - 1))) ** 2
        before, now = now, [2 * (2 * v - 1) * b - a for v, a, b in zip(x, before, now)]
    return total


def hs3(x):
    return x[1] + 1e-5 * (x[1] - x[0]) ** 2


def hs4(x):
    return (x[0] + 1) ** 3 / 3 + x[1]


def hs5(x):
    return sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1


def hs45(x):
    return 2 - x[0] * x[1] * x[2] * x[3] * x[4] / 120


def hs110(x):
    p = 1.0
    for v in x:
        p = p * v
    return sum(log(v - 2) ** 2 + log(10 - v) ** 2 for v in x) - exp(0.2 * log(p))


def free(function, *start):
    return (function, list(start), None, None)


def box(function, start, lower, upper):
    return (function, list(start), list(lower), list(upper))


PROBLEMS = {
    "rosenbrock": free(rosenbrock, -1.2, 1.0),
    "freudenstein_roth": free(freudenstein_roth, 0.5, -2.0),
    "powell_badly_scaled": free(powell_badly_scaled, 0.0, 1.0),
    "brown_badly_scaled": free(brown_badly_scaled, 1.0, 1.0),
    "beale": free(beale, 1.0, 1.0),
    "jennrich_sampson": free(jennrich_sampson, 0.3, 0.4),
    "helical_valley": free(helical_valley, -1.0, 0.0, 0.0),
    "bard": free(bard, 1.0, 1.0, 1.0),
    "gaussian": free(gaussian, 0.4, 1.0, 0.0),
    "meyer": free(meyer, 0.02, 4000.0, 250.0),
    "box_3d": free(box_3d, 0.0, 10.0, 20.0),
    "powell_singular": free(powell_singular, 3.0, -1.0, 0.0, 1.0),
    "wood": free(wood, -3.0, -1.0, -3.0, -1.0),
    "kowalik_osborne": free(kowalik_osborne, 0.25, 0.39, 0.415, 0.39),
    "brown_dennis": free(brown_dennis, 25.0, 5.0, -5.0, -1.0),
    "osborne_1": free(osborne_1, 0.5, 1.5, -1.0, 0.01, 0.02),
    "biggs_exp6": free(biggs_exp6, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0),
    "watson_6": free(watson, *[0.0] * 6),
    "rosenbrock_100": free(rosenbrock, *[-1.2, 1.0] * 50),
    "powell_singular_100": free(powell_singular, *[3.0, -1.0, 0.0, 1.0] * 25),
    "penalty_1_10": free(penalty_1, *[float(j) for j in range(1, 11)]),
    "variably_dimensioned_10": free(variably_dimensioned, *[1 - j / 10 for j in range(1, 11)]),
    "trigonometric_10": free(trigonometric, *[0.1] * 10),
    "brown_almost_linear_10": free(brown_almost_linear, *[0.5] * 10),
    "discrete_boundary_value_10": free(
        discrete_boundary_value, *[j / 11 * (j / 11 - 1) for j in range(1, 11)]),
    "broyden_tridiagonal_30": free(broyden_tridiagonal, *[-1.0] * 30),
    "broyden_banded_30": free(broyden_banded, *[-1.0] * 30),
    "chebyquad_8": free(chebyquad, *[j / 9 for j in range(1, 9)]),
    "rosenbrock_box": box(rosenbrock, [-1.2, 1.0], [-50, 0], [0.5, 100]),
    "freudenstein_roth_box": box(freudenstein_roth, [0.5, -2.0], [0, -30], [20, -0.9]),
    "powell_badly_scaled_box": box(powell_badly_scaled, [0.0, 1.0], [0, 1], [1, 9]),
    "brown_badly_scaled_box": box(brown_badly_scaled, [1.0, 1.0], [0, 3e-5], [1e6, 100]),
    "beale_box": box(beale, [1.0, 1.0], [0.6, 0.5], [10, 100]),
    "jennrich_sampson_box": box(jennrich_sampson, [0.3, 0.4], [0.26, 0], [10, 20]),
    "helical_valley_box": box(helical_valley, [-1.0, 0.0, 0.0], [-100, -1, -1], [0.8, 1, 1]),
    "bard_box": box(bard, [1.0] * 3, [0.1, 0, 0], [50, 100, 50]),
    "gaussian_box": box(gaussian, [0.4, 1.0, 0.0], [.398, 1, -.5], [4.2, 2, .1]),
    "box_3d_box": box(box_3d, [0.0, 10.0, 20.0], [0, 5, 0], [2, 9.5, 20]),
    "powell_singular_box": box(
        powell_singular, [3.0, -1.0, 0.0, 1.0], [.1, -20, -1, -1], [100, 20, 1, 50]),
    "wood_box": box(wood, [-3.0, -1.0, -3.0, -1.0], [-100] * 4, [0, 10, 100, 100]),
    "brown_dennis_box": box(
        brown_dennis, [25.0, 5.0, -5.0, -1.0], [-10, 0, -100, -20], [100, 15, 0, .2]),
    "biggs_exp6_box": box(biggs_exp6, [1.0, 2.0, 1.0, 1.0, 1.0, 1.0],
                          [0, 0, 0, 1, 0, 0], [2, 8, 1, 7, 5, 5]),
    "rosenbrock_100_box": box(
        rosenbrock, [-1.2, 1.0] * 50, [-50, 0] * 50, [0.5, 100] * 50),
    "powell_singular_100_box": box(powell_singular, [3.0, -1.0, 0.0, 1.0] * 25,
                                   [.1, -20, -1, -1] * 25, [100, 20, 1, 50] * 25),
    "variably_dimensioned_10_box": box(
        variably_dimensioned, [1 - j / 10 for j in range(1, 11)], [0] * 10,
        [10, 20, 30, 40, 50, 60, 70, 80, 90, .5]),
    "broyden_tridiagonal_30_box": box(
        broyden_tridiagonal, [-1.0] * 30, [-1] * 30, [-0.6, 1, 1] * 10),
    "penalty_1_10_one_bound": box(
        penalty_1, [float(j) for j in range(1, 11)], [0.3] + [INF] * 9, [INF] * 10),
    "hs1": box(rosenbrock, [-2.0, 1.0], [INF, -1.5], [INF, INF]),
    "hs2": box(rosenbrock, [-2.0, 1.0], [INF, 1.5], [INF, INF]),
    "hs3": box(hs3, [10.0, 1.0], [INF, 0], [INF, INF]),
    "hs4": box(hs4, [1.125, 0.125], [1, 0], [INF, INF]),
    "hs5": box(hs5, [0.0, 0.0], [-1.5, -3], [4, 3]),
    "hs38": box(wood, [-3.0, -1.0, -3.0, -1.0], [-10] * 4, [10] * 4),
    "hs45": box(hs45, [2.0] * 5, [0] * 5, [1, 2, 3, 4, 5]),
    "hs110": box(hs110, [9.0] * 10, [2.001] * 10, [9.999] * 10),
}


def value_and_gradient(function, x):
    gradient = np.empty(len(x))
    z = x.astype(complex)
    for i in range(len(x)):
        z[i] += 1e-200j
        gradient[i] = function(z).imag / 1e-200
        z[i] = x[i]
    return float(np.real(function(x))), gradient


def run(name):
    function, start, lower, upper = PROBLEMS[name]
    n = len(start)
    lower, upper = lower or [INF] * n, upper or [INF] * n
    values = []

    def objective(x):
        with np.errstate(all="ignore"):
            value, gradient = value_and_gradient(function, x)
        values.append(value)
        return value, gradient

    result = minimize(objective, np.array(start), jac=True, method="L-BFGS-B",
                      bounds=list(zip(lower, upper)),
                      options=dict(maxcor=10, ftol=0, gtol=0, maxiter=100000, maxfun=1000000))
    best = min(values)
    target = best + 1e-10 * (values[0] - best)
    active = [i for i in range(n) if result.x[i] in (lower[i], upper[i])]
    return dict(name=name, start=start, lower=lower, upper=upper, start_value=values[0],
                value=best, x=list(result.x), active=active, evaluations=len(values),
                evaluations_to_target=1 + next(i for i, v in enumerate(values) if v <= target))


if __name__ == "__main__":
    rows = ",\n".join(json.dumps(run(name)) for name in PROBLEMS)
    print('{"scipy": "%s", "problems": [\n%s\n]}' % (scipy.__version__, rows))
