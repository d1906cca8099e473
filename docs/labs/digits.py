# %% [markdown]
# # Lab
# Some $x_i$ text
# %%
import matplotlib.pyplot as plt
print("hi")
plt.plot([1,2]);
