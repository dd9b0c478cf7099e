"""The simulated world, public: a virtual clock, a simulated store, driver and edge, and faults.

The real planner, standing orders and loop run in here unmodified. One seed is one history; the
same seed and commit replay it exactly. Nothing in here is imported by what runs in production.
"""
